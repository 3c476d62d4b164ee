// SPDX-License-Identifier: GPL-2.0 OR MIT
/* GEM objects of the shmem helper, on a DRM device of the module's own, and their shrinker. */
#include <linux/version.h>
#include "internal.h"

#if IS_ENABLED(CONFIG_DRM_GEM_SHMEM_HELPER)
#include <linux/dma-resv.h>
#include <linux/iosys-map.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>

struct gem {
	struct object object;
	struct list_head listed;
	struct drm_gem_shmem_object *shmem;
};
struct gem_map {
	struct object object;
	struct drm_gem_shmem_object *shmem;	/* with a reference: its driver may end first */
	struct iosys_map map;
};

DEFINE_DRM_GEM_FOPS(gem_fops);
static const struct drm_driver driver = {
	.driver_features = DRIVER_GEM,
	.fops = &gem_fops,
	DRM_GEM_SHMEM_DRIVER_OPS,
	.name = "litmap",
	.desc = "GEM objects of litmus tests",
	.major = 1,
};

static DEFINE_MUTEX(shrink_lock);
static LIST_HEAD(all);			/* what the shrinker scans */

/* One device for all, made with the first object; it is never shown to user space. */
static struct drm_device *drm_of_module(void)
{
	static struct drm_device *drm;
	static DEFINE_MUTEX(lock);
	struct drm_device *made;

	mutex_lock(&lock);
	made = drm ?: drm_dev_alloc(&driver, litmap_device);
	if (!IS_ERR(made))
		drm = made;
	mutex_unlock(&lock);
	return made;
}

static struct gem *gem_of(u32 handle)
{
	struct object *object = object_get(handle, GEM);

	return IS_ERR(object) ? ERR_CAST(object) : container_of(object, struct gem, object);
}

static void destroy_gem(struct object *object)
{
	struct gem *gem = container_of(object, struct gem, object);

	mutex_lock(&shrink_lock);
	list_del(&gem->listed);
	mutex_unlock(&shrink_lock);
	drm_gem_object_put(&gem->shmem->base);
	kfree(gem);
}

static long gem_create(struct session *session, struct litmap_call *call)
{
	struct drm_device *drm = drm_of_module();
	struct gem *gem;
	long error;

	if (IS_ERR(drm))
		return PTR_ERR(drm);
	gem = kzalloc(sizeof(*gem), GFP_KERNEL);
	if (!gem)
		return -ENOMEM;
	gem->shmem = drm_gem_shmem_create(drm, call->arg[0]);
	if (IS_ERR(gem->shmem)) {
		error = PTR_ERR(gem->shmem);
		goto free;
	}
	mutex_lock(&shrink_lock);
	list_add_tail(&gem->listed, &all);
	mutex_unlock(&shrink_lock);
	error = object_add(session, &gem->object, GEM, destroy_gem);
	if (error)
		destroy_gem(&gem->object);
	else
		call->value = gem->object.handle;
	return error;
free:
	kfree(gem);
	return error;
}

static long gem_get_sg_table(struct session *session, struct litmap_call *call)
{
	struct gem *gem = gem_of(call->handle);

	return IS_ERR(gem) ? PTR_ERR(gem) : PTR_ERR_OR_ZERO(drm_gem_shmem_get_pages_sgt(gem->shmem));
}

/* The helper's own lock until 6.1, the reservation lock from then on. */
static void lock(struct gem *gem)
{
	if (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0))
		dma_resv_lock(gem->shmem->base.resv, NULL);
}

static void unlock(struct gem *gem)
{
	if (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0))
		dma_resv_unlock(gem->shmem->base.resv);
}

static int advise(struct gem *gem, int madv)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	return drm_gem_shmem_madvise_locked(gem->shmem, madv);
#else
	return drm_gem_shmem_madvise(gem->shmem, madv);
#endif
}

static long gem_madvise(struct session *session, struct litmap_call *call)
{
	struct gem *gem = gem_of(call->handle);

	if (IS_ERR(gem))
		return PTR_ERR(gem);
	lock(gem);
	call->value = advise(gem, (int)call->arg[0]);
	unlock(gem);
	return 0;
}

static int map_gem(struct drm_gem_shmem_object *shmem, struct iosys_map *map)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	return drm_gem_vmap(&shmem->base, map);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	return drm_gem_vmap_unlocked(&shmem->base, map);
#else
	return drm_gem_shmem_vmap(shmem, map);
#endif
}

/* Also without a mapping: drm_gem_vunmap() would not pass an empty one on. */
static void unmap_gem(struct drm_gem_shmem_object *shmem, struct iosys_map *map)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	dma_resv_lock(shmem->base.resv, NULL);
	drm_gem_shmem_vunmap_locked(shmem, map);
	dma_resv_unlock(shmem->base.resv);
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	dma_resv_lock(shmem->base.resv, NULL);
	drm_gem_shmem_vunmap(shmem, map);
	dma_resv_unlock(shmem->base.resv);
#else
	drm_gem_shmem_vunmap(shmem, map);
#endif
}

static void destroy_gem_map(struct object *object)
{
	struct gem_map *map = container_of(object, struct gem_map, object);

	unmap_gem(map->shmem, &map->map);
	drm_gem_object_put(&map->shmem->base);
	kfree(map);
}

static long gem_vmap(struct session *session, struct litmap_call *call)
{
	struct gem *gem = gem_of(call->handle);
	struct gem_map *map;
	long error;

	if (IS_ERR(gem))
		return PTR_ERR(gem);
	map = kzalloc(sizeof(*map), GFP_KERNEL);
	if (!map)
		return -ENOMEM;
	map->shmem = gem->shmem;
	error = map_gem(map->shmem, &map->map);
	if (error) {
		kfree(map);
		return error;
	}
	drm_gem_object_get(&map->shmem->base);
	map->object.address = (unsigned long)map->map.vaddr;
	map->object.length = map->shmem->base.size;
	error = object_add(session, &map->object, GEM_MAP, destroy_gem_map);
	if (error)
		destroy_gem_map(&map->object);
	else
		call->value = (s64)(unsigned long)map->map.vaddr;
	return error;
}

static bool maps_gem(struct object *object, const void *shmem)
{
	return object->kind == GEM_MAP && container_of(object, struct gem_map, object)->shmem == shmem;
}

/* This actor's newest mapping of the object, else another's, which loses it; else the kernel itself has to say. */
static long gem_vunmap(struct session *session, struct litmap_call *call)
{
	struct gem *gem = gem_of(call->handle);
	struct object *object;

	if (IS_ERR(gem))
		return PTR_ERR(gem);
	object = object_find(session, maps_gem, gem->shmem) ?: object_find(NULL, maps_gem, gem->shmem);
	if (object) {
		object_drop(object);
		object_release(object);
	} else {
		struct iosys_map map = IOSYS_MAP_INIT_VADDR(gem->shmem->vaddr);

		unmap_gem(gem->shmem, &map);
	}
	return 0;
}

/* What a driver's shrinker does with one object: 1 when its memory went. */
static bool purge(struct drm_gem_shmem_object *shmem)
{
	bool purged = false;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	if (!dma_resv_trylock(shmem->base.resv))
		return false;
	if (drm_gem_shmem_is_purgeable(shmem)) {
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
		drm_gem_shmem_purge_locked(shmem);
#else
		drm_gem_shmem_purge(shmem);
#endif
		purged = true;
	}
	dma_resv_unlock(shmem->base.resv);
#else
	if (drm_gem_shmem_is_purgeable(shmem))
		purged = drm_gem_shmem_purge(shmem);
#endif
	return purged;
}

static long gem_shrink(struct session *session, struct litmap_call *call)
{
	struct gem *gem;

	mutex_lock(&shrink_lock);
	list_for_each_entry(gem, &all, listed)
		if (purge(gem->shmem))
			call->value += gem->shmem->base.size >> PAGE_SHIFT;
	mutex_unlock(&shrink_lock);
	return 0;
}

const call_fn gem_calls[LITMAP_OPS] = {
	[LITMAP_GEM_CREATE] = gem_create,
	[LITMAP_GEM_GET_SG_TABLE] = gem_get_sg_table,
	[LITMAP_GEM_MADVISE] = gem_madvise,
	[LITMAP_GEM_VMAP] = gem_vmap,
	[LITMAP_GEM_VUNMAP] = gem_vunmap,
	[LITMAP_GEM_SHRINK] = gem_shrink,
};
#else
const call_fn gem_calls[LITMAP_OPS];
#endif
