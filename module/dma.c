// SPDX-License-Identifier: GPL-2.0 OR MIT
/* What a driver does with a dma-buf: attach, map, transfer, map for the kernel. */
#include <linux/dma-buf.h>
#include <linux/dma-direct.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "internal.h"

struct attachment {
	struct object object;
	struct dma_buf *buf;
	struct dma_buf_attachment *at;
	struct object *table;
};
struct table {
	struct object object;
	struct attachment *attachment;
	struct sg_table *sgt;
	enum dma_data_direction direction;
};
struct kernel_map {
	struct object object;
	struct dma_buf *buf;
	struct iosys_map map;
};

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

static void destroy_attachment(struct object *object)
{
	struct attachment *attachment = container_of(object, struct attachment, object);

	dma_buf_detach(attachment->buf, attachment->at);
	dma_buf_put(attachment->buf);
	kfree(attachment);
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
	object_remove(&attachment->object);
	destroy_attachment(&attachment->object);
	return 0;
}

static void destroy_table(struct object *object)
{
	struct table *table = container_of(object, struct table, object);

	dma_buf_unmap_attachment_unlocked(table->attachment->at, table->sgt, table->direction);
	kfree(table);
}

static long map_attachment(struct session *session, struct litmap_call *call)
{
	struct attachment *attachment = attachment_of(call->handle);
	struct table *table;
	long error;

	if (IS_ERR(attachment))
		return PTR_ERR(attachment);
	table = kzalloc(sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	table->attachment = attachment;
	table->direction = call->arg[0];
	table->sgt = dma_buf_map_attachment_unlocked(attachment->at, table->direction);
	if (IS_ERR(table->sgt)) {
		error = PTR_ERR(table->sgt);
		kfree(table);
		return error;
	}
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
	object_remove(&table->object);
	destroy_table(&table->object);
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

/*
 * Where the device finds four bytes of a table: through its DMA addresses, not through the
 * pages, which an importer must not look at. The device has no engine; the CPU does what it would.
 */
static void *reach(struct table *table, u64 offset)
{
	struct device *dev = table->attachment->at->dev;
	struct iommu_domain *domain = device_iommu_mapped(dev) ? iommu_get_domain_for_dev(dev) : NULL;
	struct scatterlist *sg;
	int i;

	for_each_sgtable_dma_sg(table->sgt, sg, i) {
		phys_addr_t at;

		if (offset >= sg_dma_len(sg)) {
			offset -= sg_dma_len(sg);
			continue;
		}
		at = domain ? iommu_iova_to_phys(domain, sg_dma_address(sg) + offset) : dma_to_phys(dev, sg_dma_address(sg) + offset);
		return pfn_valid(PHYS_PFN(at)) ? phys_to_virt(at) : NULL;
	}
	return NULL;
}

/* What an IOMMU would stop: the device has no engine that could be stopped. */
static bool wrong_way(struct table *table, enum dma_data_direction against)
{
	return device_iommu_mapped(table->attachment->at->dev) && table->direction == against;
}

static long dma_read(struct session *session, struct litmap_call *call)
{
	struct table *table = table_of(call->handle);
	u32 *at;

	if (IS_ERR(table))
		return PTR_ERR(table);
	if (wrong_way(table, DMA_FROM_DEVICE))
		return -EOPNOTSUPP;
	at = reach(table, call->arg[0]);
	if (!at || !reach(table, call->arg[0] + 3))
		return -EFAULT;
	call->value = READ_ONCE(*at);
	return 0;
}

static long dma_write(struct session *session, struct litmap_call *call)
{
	struct table *table = table_of(call->handle);
	u32 *at;

	if (IS_ERR(table))
		return PTR_ERR(table);
	if (wrong_way(table, DMA_TO_DEVICE))
		return -EOPNOTSUPP;
	at = reach(table, call->arg[0]);
	if (!at || !reach(table, call->arg[0] + 3))
		return -EFAULT;
	WRITE_ONCE(*at, (u32)call->arg[1]);
	return 0;
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

static void destroy_kernel_map(struct object *object)
{
	struct kernel_map *map = container_of(object, struct kernel_map, object);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	dma_buf_vunmap_unlocked(map->buf, &map->map);
#else
	dma_buf_vunmap(map->buf, &map->map);
#endif
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

/* The newest mapping of the buffer that this actor made. */
static long vunmap_buffer(struct session *session, struct litmap_call *call)
{
	struct dma_buf *buf = dma_buf_get((int)call->arg[0]);
	struct object *object;
	long error = -EINVAL;

	if (IS_ERR(buf))
		return PTR_ERR(buf);
	list_for_each_entry(object, &session->objects, entry) {
		if (object->kind != KERNEL_MAP || container_of(object, struct kernel_map, object)->buf != buf)
			continue;
		object_remove(object);
		destroy_kernel_map(object);
		error = 0;
		break;
	}
	dma_buf_put(buf);
	return error;
}

static long load(struct session *session, struct litmap_call *call)
{
	const void *at = (const void *)(unsigned long)call->arg[0];
	u64 value = 0;

	if (call->arg[1] > sizeof(value) || copy_from_kernel_nofault(&value, at, call->arg[1]))
		return -EFAULT;
	call->value = value;
	return 0;
}

static long store(struct session *session, struct litmap_call *call)
{
	void *at = (void *)(unsigned long)call->arg[0];
	u64 before;

	if (call->arg[1] > sizeof(before) || copy_from_kernel_nofault(&before, at, call->arg[1]))
		return -EFAULT;
	memcpy(at, &call->arg[2], call->arg[1]);
	return 0;
}

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
