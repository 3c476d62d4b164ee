// SPDX-License-Identifier: GPL-2.0 OR MIT
/* What a driver does with a dma-buf: attach, map, transfer, map for the kernel. */
#include <linux/dma-buf.h>
#include <linux/dma-direct.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/iosys-map.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/path.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "internal.h"

/*
 * A buffer's attachment. Its tables may outlast it: a driver that detaches with a table mapped leaves its device the
 * addresses. The lock keeps it attached while it is used.
 */
struct attachment {
	struct object object;
	struct kref kref;		/* the object, and each table */
	struct rw_semaphore lock;
	struct dma_buf *buf;
	struct dma_buf_attachment *at;	/* NULL once detached */
	struct device *dev;
	struct list_head tables;
	bool leave_mapped;		/* detach() was called, which unmaps nothing */
	struct path kept;		/* of a buffer whose tables stayed mapped: keeps its memory, and no count shows it */
	struct list_head left;
};
/* Where a device finds a part of a buffer. */
struct dma_range {
	dma_addr_t at;
	size_t length;
};
struct table {
	struct object object;
	struct attachment *attachment;
	struct list_head of_attachment;
	struct sg_table *sgt;		/* the exporter's; NULL once it is unmapped */
	enum dma_data_direction direction;
	unsigned int count;
	struct dma_range ranges[];
};
struct kernel_map {
	struct object object;
	struct dma_buf *buf;
	struct iosys_map map;
};

/* Guards the tables of attachments, and the list of those that left some mapped. */
static DEFINE_MUTEX(tables_lock);
static LIST_HEAD(left_mapped);

static void moved(struct dma_buf_attachment *at)
{
}

static const struct dma_buf_attach_ops dynamic_importer = {
	.allow_peer2peer = true,
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
	.invalidate_mappings = moved,
#else
	.move_notify = moved,
#endif
};

static struct attachment *attachment_of(u32 handle)
{
	struct object *object = object_get(handle, ATTACHMENT);

	return IS_ERR(object) ? ERR_CAST(object) : container_of(object, struct attachment, object);
}

static struct table *table_of(u32 handle)
{
	struct object *object = object_get(handle, TABLE);

	return IS_ERR(object) ? ERR_CAST(object) : container_of(object, struct table, object);
}

static void free_attachment(struct kref *kref)
{
	struct attachment *attachment = container_of(kref, struct attachment, kref);

	if (attachment->kept.dentry) {
		mutex_lock(&tables_lock);
		list_del(&attachment->left);
		mutex_unlock(&tables_lock);
		path_put(&attachment->kept);
	}
	kfree(attachment);
}

static void destroy_attachment(struct object *object)
{
	struct attachment *attachment = container_of(object, struct attachment, object);
	struct table *table;

	down_write(&attachment->lock);
	mutex_lock(&tables_lock);
	if (attachment->leave_mapped && !list_empty(&attachment->tables)) {
		attachment->kept = attachment->buf->file->f_path;
		path_get(&attachment->kept);
		list_add(&attachment->left, &left_mapped);
	}
	list_for_each_entry(table, &attachment->tables, of_attachment) {
		if (!attachment->leave_mapped)
			dma_buf_unmap_attachment_unlocked(attachment->at, table->sgt, table->direction);
		table->sgt = NULL;
	}
	mutex_unlock(&tables_lock);
	dma_buf_detach(attachment->buf, attachment->at);
	attachment->at = NULL;
	up_write(&attachment->lock);
	dma_buf_put(attachment->buf);
	kref_put(&attachment->kref, free_attachment);
}

static long attach(struct session *session, struct litmap_call *call)
{
	struct attachment *attachment = kzalloc(sizeof(*attachment), GFP_KERNEL);
	struct device *dev = device_of(call->arg[2]);
	long error;

	if (!attachment || IS_ERR(dev)) {
		kfree(attachment);
		return IS_ERR(dev) ? PTR_ERR(dev) : -ENOMEM;
	}
	kref_init(&attachment->kref);
	init_rwsem(&attachment->lock);
	INIT_LIST_HEAD(&attachment->tables);
	attachment->dev = dev;
	attachment->buf = dma_buf_get((int)call->arg[0]);
	if (IS_ERR(attachment->buf)) {
		error = PTR_ERR(attachment->buf);
		goto free;
	}
	attachment->at = call->arg[1] ? dma_buf_dynamic_attach(attachment->buf, dev, &dynamic_importer, attachment)
				      : dma_buf_attach(attachment->buf, dev);
	if (IS_ERR(attachment->at)) {
		error = PTR_ERR(attachment->at);
		goto put;
	}
	error = object_add(session, &attachment->object, ATTACHMENT, destroy_attachment);
	if (error) {
		dma_buf_detach(attachment->buf, attachment->at);
		goto put;
	}
	call->value = attachment->object.handle;
	return 0;
put:
	dma_buf_put(attachment->buf);
free:
	kfree(attachment);
	return error;
}

static long detach(struct session *session, struct litmap_call *call)
{
	struct attachment *attachment = attachment_of(call->handle);

	if (IS_ERR(attachment))
		return PTR_ERR(attachment);
	attachment->leave_mapped = true;
	object_drop(&attachment->object);
	return 0;
}

static void destroy_table(struct object *object)
{
	struct table *table = container_of(object, struct table, object);
	struct attachment *attachment = table->attachment;

	down_read(&attachment->lock);
	mutex_lock(&tables_lock);
	list_del(&table->of_attachment);
	mutex_unlock(&tables_lock);
	if (table->sgt)
		dma_buf_unmap_attachment_unlocked(attachment->at, table->sgt, table->direction);
	up_read(&attachment->lock);
	kref_put(&attachment->kref, free_attachment);
	kvfree(table);
}

/* Under the attachment's lock. The addresses are the device's from here on, whatever becomes of the exporter's table. */
static struct table *map_table(struct attachment *attachment, enum dma_data_direction direction)
{
	struct sg_table *sgt = dma_buf_map_attachment_unlocked(attachment->at, direction);
	struct scatterlist *sg;
	struct table *table;
	int i;

	if (IS_ERR(sgt))
		return ERR_CAST(sgt);
	table = kvzalloc(struct_size(table, ranges, sgt->nents), GFP_KERNEL);
	if (!table) {
		dma_buf_unmap_attachment_unlocked(attachment->at, sgt, direction);
		return ERR_PTR(-ENOMEM);
	}
	table->attachment = attachment;
	table->sgt = sgt;
	table->direction = direction;
	for_each_sgtable_dma_sg(sgt, sg, i)
		table->ranges[table->count++] = (struct dma_range){ sg_dma_address(sg), sg_dma_len(sg) };
	kref_get(&attachment->kref);
	mutex_lock(&tables_lock);
	list_add(&table->of_attachment, &attachment->tables);
	mutex_unlock(&tables_lock);
	return table;
}

static long map_attachment(struct session *session, struct litmap_call *call)
{
	struct attachment *attachment = attachment_of(call->handle);
	struct table *table;
	long error;

	if (IS_ERR(attachment))
		return PTR_ERR(attachment);
	down_read(&attachment->lock);
	table = map_table(attachment, call->arg[0]);
	up_read(&attachment->lock);
	if (IS_ERR(table))
		return PTR_ERR(table);
	error = object_add(session, &table->object, TABLE, destroy_table);
	if (error)
		destroy_table(&table->object);
	else
		call->value = table->object.handle;
	return error;
}

static long unmap_attachment(struct session *session, struct litmap_call *call)
{
	struct table *table = table_of(call->handle);

	if (IS_ERR(table))
		return PTR_ERR(table);
	if (!table->sgt)
		return -LITMAP_FREED;
	object_drop(&table->object);
	return 0;
}

static long pin(struct session *session, struct litmap_call *call)
{
	struct attachment *attachment = attachment_of(call->handle);
	long error;

	if (IS_ERR(attachment))
		return PTR_ERR(attachment);
	dma_resv_lock(attachment->buf->resv, NULL);
	error = dma_buf_pin(attachment->at);
	dma_resv_unlock(attachment->buf->resv);
	return error;
}

static long unpin(struct session *session, struct litmap_call *call)
{
	struct attachment *attachment = attachment_of(call->handle);

	if (IS_ERR(attachment))
		return PTR_ERR(attachment);
	dma_resv_lock(attachment->buf->resv, NULL);
	dma_buf_unpin(attachment->at);
	dma_resv_unlock(attachment->buf->resv);
	return 0;
}

/* Whether the buffer has references besides those that keep its memory here. Under the attachment's lock. */
static bool buffer_lives(struct attachment *attachment)
{
	struct attachment *other;
	int ours = 0;

	if (attachment->at)
		return true;
	if (!attachment->kept.dentry)
		return false;
	mutex_lock(&tables_lock);
	list_for_each_entry(other, &left_mapped, left)
		ours += other->kept.dentry == attachment->kept.dentry;
	mutex_unlock(&tables_lock);
	return d_count(attachment->kept.dentry) > ours;
}

/*
 * Where the device finds a byte of a table: by its DMA addresses, not by the pages, which an
 * importer must not look at. The device has no engine; the CPU does what it would.
 */
static u8 *reach(struct table *table, u64 offset)
{
	struct device *dev = table->attachment->dev;
	struct iommu_domain *domain = device_iommu_mapped(dev) ? iommu_get_domain_for_dev(dev) : NULL;
	unsigned int i;

	for (i = 0; i < table->count; i++) {
		struct dma_range *range = &table->ranges[i];
		phys_addr_t at;

		if (offset >= range->length) {
			offset -= range->length;
			continue;
		}
		at = domain ? iommu_iova_to_phys(domain, range->at + offset) : dma_to_phys(dev, range->at + offset);
		return at && pfn_valid(PHYS_PFN(at)) ? phys_to_virt(at) : NULL;
	}
	return NULL;
}

/* What an IOMMU would stop: the device has no engine that could be stopped. */
static bool wrong_way(struct table *table, enum dma_data_direction against)
{
	return device_iommu_mapped(table->attachment->dev) && table->direction == against;
}

/* Bytes of a word may be in different ranges. */
static void move_word(u8 *const at[4], u32 *word, bool write)
{
	u8 *bytes = (u8 *)word;
	int i;

	if (at[3] == at[0] + 3 && IS_ALIGNED((unsigned long)at[0], sizeof(*word))) {
		if (write)
			WRITE_ONCE(*(u32 *)at[0], *word);
		else
			*word = READ_ONCE(*(u32 *)at[0]);
		return;
	}
	for (i = 0; i < 4; i++) {
		if (write)
			WRITE_ONCE(*at[i], bytes[i]);
		else
			bytes[i] = READ_ONCE(*at[i]);
	}
}

static long transfer_locked(struct table *table, u64 offset, u32 *word, bool write)
{
	u8 *at[4];
	int i;

	if (!buffer_lives(table->attachment))
		return -LITMAP_FREED;
	for (i = 0; i < 4; i++) {
		at[i] = reach(table, offset + i);
		if (!at[i])
			return -EFAULT;
	}
	if (wrong_way(table, write ? DMA_TO_DEVICE : DMA_FROM_DEVICE))
		return -LITMAP_NO_ENGINE;
	move_word(at, word, write);
	return 0;
}

static long transfer(u32 handle, u64 offset, u32 *word, bool write)
{
	struct table *table = table_of(handle);
	long error;

	if (IS_ERR(table))
		return -EFAULT;
	down_read(&table->attachment->lock);
	error = transfer_locked(table, offset, word, write);
	up_read(&table->attachment->lock);
	return error;
}

static long dma_read(struct session *session, struct litmap_call *call)
{
	u32 word = 0;
	long error = transfer(call->handle, call->arg[0], &word, false);

	call->value = word;
	return error;
}

static long dma_write(struct session *session, struct litmap_call *call)
{
	u32 word = call->arg[1];

	return transfer(call->handle, call->arg[0], &word, true);
}

static long begin_cpu_access(struct session *session, struct litmap_call *call)
{
	struct dma_buf *buf = dma_buf_get((int)call->arg[0]);
	long error;

	if (IS_ERR(buf))
		return PTR_ERR(buf);
	error = dma_buf_begin_cpu_access(buf, call->arg[1]);
	dma_buf_put(buf);
	return error;
}

static long end_cpu_access(struct session *session, struct litmap_call *call)
{
	struct dma_buf *buf = dma_buf_get((int)call->arg[0]);
	long error;

	if (IS_ERR(buf))
		return PTR_ERR(buf);
	error = dma_buf_end_cpu_access(buf, call->arg[1]);
	dma_buf_put(buf);
	return error;
}

/* Callers held no lock until 6.2; from then on there is a call for those who do not. */
static int map_for_kernel(struct dma_buf *buf, struct iosys_map *map)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	return dma_buf_vmap_unlocked(buf, map);
#else
	return dma_buf_vmap(buf, map);
#endif
}

static void unmap_for_kernel(struct dma_buf *buf, struct iosys_map *map)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	dma_buf_vunmap_unlocked(buf, map);
#else
	dma_buf_vunmap(buf, map);
#endif
}

static void destroy_kernel_map(struct object *object)
{
	struct kernel_map *map = container_of(object, struct kernel_map, object);

	unmap_for_kernel(map->buf, &map->map);
	dma_buf_put(map->buf);
	kfree(map);
}

static long vmap_buffer(struct session *session, struct litmap_call *call)
{
	struct kernel_map *map = kzalloc(sizeof(*map), GFP_KERNEL);
	long error;

	if (!map)
		return -ENOMEM;
	map->buf = dma_buf_get((int)call->arg[0]);
	if (IS_ERR(map->buf)) {
		error = PTR_ERR(map->buf);
		goto free;
	}
	error = map_for_kernel(map->buf, &map->map);
	if (error)
		goto put;
	map->object.address = (unsigned long)map->map.vaddr;
	map->object.length = map->buf->size;
	error = object_add(session, &map->object, KERNEL_MAP, destroy_kernel_map);
	if (error) {
		destroy_kernel_map(&map->object);
		return error;
	}
	call->value = (s64)(unsigned long)map->map.vaddr;
	return 0;
put:
	dma_buf_put(map->buf);
free:
	kfree(map);
	return error;
}

static bool maps_buffer(struct object *object, const void *buf)
{
	return object->kind == KERNEL_MAP && container_of(object, struct kernel_map, object)->buf == buf;
}

/* This actor's newest mapping of the buffer, else another's, which loses it; else the kernel itself has to say. */
static long vunmap_buffer(struct session *session, struct litmap_call *call)
{
	struct dma_buf *buf = dma_buf_get((int)call->arg[0]);
	struct object *object;

	if (IS_ERR(buf))
		return PTR_ERR(buf);
	object = object_find(session, maps_buffer, buf) ?: object_find(NULL, maps_buffer, buf);
	if (object) {
		object_drop(object);
		object_release(object);
	} else {
		struct iosys_map map = buf->vmap_ptr;

		unmap_for_kernel(buf, &map);
	}
	dma_buf_put(buf);
	return 0;
}

struct stretch {
	unsigned long address, length;
};

static bool maps_stretch(struct object *object, const void *about)
{
	const struct stretch *stretch = about;
	unsigned long offset = stretch->address - object->address;

	return stretch->address >= object->address && offset < object->length && stretch->length <= object->length - offset;
}

/* Only within a mapping that a driver has. */
static long access_mapping(struct litmap_call *call, bool write)
{
	struct stretch stretch = { call->arg[0], call->arg[1] };
	void *at = (void *)stretch.address;
	struct object *object;
	u64 value = 0;
	long error;

	if (!stretch.length || stretch.length > sizeof(value))
		return -EFAULT;
	object = object_find(NULL, maps_stretch, &stretch);
	if (!object)
		return -EFAULT;
	error = copy_from_kernel_nofault(&value, at, stretch.length) ? -EFAULT : 0;
	if (!error && write)
		memcpy(at, &call->arg[2], stretch.length);
	object_release(object);
	call->value = value;
	return error;
}

static long load(struct session *session, struct litmap_call *call)
{
	return access_mapping(call, false);
}

static long store(struct session *session, struct litmap_call *call)
{
	return access_mapping(call, true);
}

/* Of a file of PRIME this is the mapping of the DRM device: all of its objects. */
static long revoke(struct session *session, struct litmap_call *call)
{
	struct file *file = fget((int)call->arg[0]);

	if (!file)
		return -EBADF;
	unmap_mapping_range(file->f_mapping, 0, 0, 1);
	fput(file);
	return 0;
}

const call_fn dma_calls[LITMAP_OPS] = {
	[LITMAP_ATTACH] = attach,
	[LITMAP_DETACH] = detach,
	[LITMAP_MAP_ATTACHMENT] = map_attachment,
	[LITMAP_UNMAP_ATTACHMENT] = unmap_attachment,
	[LITMAP_PIN] = pin,
	[LITMAP_UNPIN] = unpin,
	[LITMAP_DMA_READ] = dma_read,
	[LITMAP_DMA_WRITE] = dma_write,
	[LITMAP_BEGIN_CPU_ACCESS] = begin_cpu_access,
	[LITMAP_END_CPU_ACCESS] = end_cpu_access,
	[LITMAP_VMAP] = vmap_buffer,
	[LITMAP_VUNMAP] = vunmap_buffer,
	[LITMAP_LOAD] = load,
	[LITMAP_STORE] = store,
	[LITMAP_REVOKE] = revoke,
};
