// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Buffers that a driver makes for its device and shares: memory of the DMA API under a
 * dma-buf of our own, buffers of videobuf2's allocators, GEM objects of the DMA helper.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/iosys-map.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/vmstat.h>
#include "internal.h"

/* The device behind the IOMMU is QEMU's edu, which the machine has where a test wants one. */
struct device *device_of(u64 which)
{
	static struct pci_dev *edu;

	if (which == LITMAP_PLAIN)
		return litmap_device;
	/* The same device: where the machine has such an area, its blocks come from there. */
	if (which == LITMAP_FROM_CMA)
		return IS_ENABLED(CONFIG_DMA_CMA) && global_zone_page_state(NR_FREE_CMA_PAGES) ? litmap_device : ERR_PTR(-EOPNOTSUPP);
	if (!edu)
		edu = pci_get_device(0x1234, 0x11e8, NULL);
	if (which != LITMAP_BEHIND_IOMMU || !edu || !device_iommu_mapped(&edu->dev))
		return ERR_PTR(-EOPNOTSUPP);
	if (dma_set_mask_and_coherent(&edu->dev, DMA_BIT_MASK(32)))
		return ERR_PTR(-EOPNOTSUPP);
	return &edu->dev;
}

/* ---- memory of the DMA API ---- */

struct memory {
	struct device *dev;
	enum litmap_export how;
	size_t size;
	void *vaddr;
	dma_addr_t dma;
	struct sg_table *sgt;		/* noncontiguous */
	struct page *page;		/* pages */
};

static int allocate(struct memory *memory)
{
	switch (memory->how) {
	case LITMAP_COHERENT:
		memory->vaddr = dma_alloc_coherent(memory->dev, memory->size, &memory->dma, GFP_KERNEL | __GFP_NOWARN);
		return memory->vaddr ? 0 : -ENOMEM;
	case LITMAP_NONCONTIGUOUS:
		memory->sgt = dma_alloc_noncontiguous(memory->dev, memory->size, DMA_BIDIRECTIONAL, GFP_KERNEL | __GFP_NOWARN, 0);
		if (!memory->sgt)
			return -ENOMEM;
		memory->vaddr = dma_vmap_noncontiguous(memory->dev, memory->size, memory->sgt);
		return 0;
	default:
		memory->page = dma_alloc_pages(memory->dev, memory->size, &memory->dma, DMA_BIDIRECTIONAL, GFP_KERNEL | __GFP_NOWARN);
		if (!memory->page)
			return -ENOMEM;
		memory->vaddr = page_address(memory->page);
		return 0;
	}
}

static void memory_release(struct dma_buf *buf)
{
	struct memory *memory = buf->priv;

	if (memory->how == LITMAP_COHERENT) {
		dma_free_coherent(memory->dev, memory->size, memory->vaddr, memory->dma);
	} else if (memory->how == LITMAP_NONCONTIGUOUS) {
		if (memory->vaddr)
			dma_vunmap_noncontiguous(memory->dev, memory->vaddr);
		dma_free_noncontiguous(memory->dev, memory->size, memory->sgt, DMA_BIDIRECTIONAL);
	} else {
		dma_free_pages(memory->dev, memory->size, memory->page, memory->dma, DMA_BIDIRECTIONAL);
	}
	kfree(memory);
}

static int memory_mmap(struct dma_buf *buf, struct vm_area_struct *vma)
{
	struct memory *memory = buf->priv;

	if (memory->how == LITMAP_COHERENT)
		return dma_mmap_coherent(memory->dev, vma, memory->vaddr, memory->dma, memory->size);
	if (memory->how == LITMAP_NONCONTIGUOUS)
		return dma_mmap_noncontiguous(memory->dev, vma, memory->size, memory->sgt);
	return dma_mmap_pages(memory->dev, vma, memory->size, memory->page);
}

/* A table of the memory's pages, not yet mapped for anybody. */
static int fill_table(struct memory *memory, struct sg_table *sgt)
{
	struct scatterlist *from, *to;
	unsigned int i;
	int error;

	if (memory->how == LITMAP_COHERENT)
		return dma_get_sgtable(memory->dev, sgt, memory->vaddr, memory->dma, memory->size);
	if (memory->how == LITMAP_PAGES) {
		error = sg_alloc_table(sgt, 1, GFP_KERNEL);
		if (!error)
			sg_set_page(sgt->sgl, memory->page, memory->size, 0);
		return error;
	}
	error = sg_alloc_table(sgt, memory->sgt->orig_nents, GFP_KERNEL);
	if (error)
		return error;
	to = sgt->sgl;
	for_each_sgtable_sg(memory->sgt, from, i) {
		sg_set_page(to, sg_page(from), from->length, from->offset);
		to = sg_next(to);
	}
	return 0;
}

static struct sg_table *memory_map(struct dma_buf_attachment *at, enum dma_data_direction direction)
{
	struct sg_table *sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	int error;

	if (!sgt)
		return ERR_PTR(-ENOMEM);
	error = fill_table(at->dmabuf->priv, sgt);
	if (error)
		goto free;
	error = dma_map_sgtable(at->dev, sgt, direction, 0);
	if (!error)
		return sgt;
	sg_free_table(sgt);
free:
	kfree(sgt);
	return ERR_PTR(error);
}

static void memory_unmap(struct dma_buf_attachment *at, struct sg_table *sgt, enum dma_data_direction direction)
{
	dma_unmap_sgtable(at->dev, sgt, direction, 0);
	sg_free_table(sgt);
	kfree(sgt);
}

static int memory_vmap(struct dma_buf *buf, struct iosys_map *map)
{
	struct memory *memory = buf->priv;

	if (!memory->vaddr)
		return -ENOMEM;
	iosys_map_set_vaddr(map, memory->vaddr);
	return 0;
}

/* No access needs a sync: this module is for machines whose devices see what the CPU sees. */
static const struct dma_buf_ops memory_ops = {
	.map_dma_buf = memory_map,
	.unmap_dma_buf = memory_unmap,
	.mmap = memory_mmap,
	.vmap = memory_vmap,
	.release = memory_release,
};

static struct dma_buf *export_memory(struct device *dev, enum litmap_export how, size_t size)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct memory *memory = kzalloc(sizeof(*memory), GFP_KERNEL);
	struct dma_buf *buf;
	int error;

	if (!memory)
		return ERR_PTR(-ENOMEM);
	*memory = (struct memory){ .dev = dev, .how = how, .size = size };
	error = allocate(memory);
	if (error) {
		kfree(memory);
		return ERR_PTR(error);
	}
	info.ops = &memory_ops;
	info.size = size;
	info.flags = O_RDWR;
	info.priv = memory;
	buf = dma_buf_export(&info);
	/* Only the kernel's own memory being at an end fails it: nothing worth unwinding is left. */
	return buf;
}

/* ---- videobuf2 ---- */

#if IS_ENABLED(CONFIG_VIDEOBUF2_CORE)
#include <media/videobuf2-core.h>
#include <media/videobuf2-dma-contig.h>
#include <media/videobuf2-dma-sg.h>
#include <media/videobuf2-vmalloc.h>

/* One buffer of one queue, which is all that an allocator looks at; nothing of it changes. */
static struct dma_buf *export_plane(const struct vb2_mem_ops *ops, struct device *dev, size_t size, bool noncoherent)
{
	static struct vb2_queue queues[2] = {
		{ .memory = VB2_MEMORY_MMAP, .dma_dir = DMA_BIDIRECTIONAL },
		{ .memory = VB2_MEMORY_MMAP, .dma_dir = DMA_BIDIRECTIONAL, .non_coherent_mem = 1 },
	};
	static struct vb2_buffer buffers[2] = { { .vb2_queue = &queues[0] }, { .vb2_queue = &queues[1] } };
	struct vb2_buffer *vb = &buffers[noncoherent];
	struct dma_buf *buf;
	void *plane;

	if (!ops)
		return ERR_PTR(-EOPNOTSUPP);
	plane = ops->alloc(vb, dev, size);
	if (IS_ERR_OR_NULL(plane))
		return ERR_PTR(plane ? PTR_ERR(plane) : -ENOMEM);
	buf = ops->get_dmabuf(vb, plane, O_RDWR);
	/* As a queue that is given up: the dma-buf has the last reference. */
	ops->put(plane);
	return buf ?: ERR_PTR(-EINVAL);
}

/* The allocators are modules of their own, which not every kernel has. */
static struct dma_buf *export_vb2(struct device *dev, enum litmap_export how, size_t size)
{
	struct dma_buf *buf = ERR_PTR(-EOPNOTSUPP);

	if (how == LITMAP_VB2_VMALLOC) {
		buf = export_plane(symbol_get(vb2_vmalloc_memops), dev, size, false);
		if (buf != ERR_PTR(-EOPNOTSUPP))
			symbol_put(vb2_vmalloc_memops);
	} else if (how == LITMAP_VB2_SG) {
		buf = export_plane(symbol_get(vb2_dma_sg_memops), dev, size, false);
		if (buf != ERR_PTR(-EOPNOTSUPP))
			symbol_put(vb2_dma_sg_memops);
	} else {
		buf = export_plane(symbol_get(vb2_dma_contig_memops), dev, size, how == LITMAP_VB2_CONTIG_NONCOHERENT);
		if (buf != ERR_PTR(-EOPNOTSUPP))
			symbol_put(vb2_dma_contig_memops);
	}
	return buf;
}
#else
static struct dma_buf *export_vb2(struct device *dev, enum litmap_export how, size_t size)
{
	return ERR_PTR(-EOPNOTSUPP);
}
#endif

/* ---- the GEM DMA helper ---- */

#if IS_ENABLED(CONFIG_DRM_GEM_DMA_HELPER)
#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_dma_helper.h>
#include <drm/drm_prime.h>

static struct drm_gem_object *create_noncoherent(struct drm_device *drm, size_t size)
{
	struct drm_gem_dma_object *object = kzalloc(sizeof(*object), GFP_KERNEL);

	if (!object)
		return ERR_PTR(-ENOMEM);
	object->map_noncoherent = true;
	return &object->base;
}

DEFINE_DRM_GEM_DMA_FOPS(gem_dma_fops);
static const struct drm_driver drivers[2] = {
	{ .driver_features = DRIVER_GEM, .fops = &gem_dma_fops, .name = "litmap", .desc = "GEM objects of litmus tests", .major = 1 },
	{ .driver_features = DRIVER_GEM, .fops = &gem_dma_fops, .name = "litmap", .desc = "GEM objects of litmus tests", .major = 1, .gem_create_object = create_noncoherent },
};

/* A DRM device for each device and kind, made when it is first wanted. */
static struct drm_device *drm_of(struct device *dev, bool noncoherent)
{
	static struct drm_device *made[2][2];
	struct drm_device **place = &made[dev != litmap_device][noncoherent];

	if (!*place) {
		struct drm_device *drm = drm_dev_alloc(&drivers[noncoherent], dev);

		if (IS_ERR(drm))
			return drm;
		*place = drm;
	}
	return *place;
}

static struct dma_buf *export_gem(struct device *dev, enum litmap_export how, size_t size)
{
	struct drm_device *drm = drm_of(dev, how == LITMAP_GEM_DMA_NONCOHERENT);
	typeof(&drm_gem_dma_create) create;
	struct drm_gem_dma_object *object;
	struct dma_buf *buf;

	if (IS_ERR(drm))
		return ERR_CAST(drm);
	create = symbol_get(drm_gem_dma_create);
	if (!create)
		return ERR_PTR(-EOPNOTSUPP);
	object = create(drm, size);
	symbol_put(drm_gem_dma_create);
	if (IS_ERR(object))
		return ERR_CAST(object);
	buf = drm_gem_prime_export(&object->base, DRM_RDWR | DRM_CLOEXEC);
	drm_gem_object_put(&object->base);
	return buf;
}
#else
static struct dma_buf *export_gem(struct device *dev, enum litmap_export how, size_t size)
{
	return ERR_PTR(-EOPNOTSUPP);
}
#endif

static long export(struct session *session, struct litmap_call *call)
{
	struct device *dev = device_of(call->arg[2]);
	enum litmap_export how = call->arg[0];
	size_t size = PAGE_ALIGN(call->arg[1]);
	struct dma_buf *buf;
	int fd;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	if (!call->arg[1])
		return -EINVAL;
	if (!size || size >> PAGE_SHIFT > totalram_pages())
		return -ENOMEM;
	if (how <= LITMAP_PAGES)
		buf = export_memory(dev, how, size);
	else if (how <= LITMAP_VB2_SG)
		buf = export_vb2(dev, how, size);
	else if (how <= LITMAP_GEM_DMA_NONCOHERENT)
		buf = export_gem(dev, how, size);
	else
		buf = ERR_PTR(-EOPNOTSUPP);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	fd = dma_buf_fd(buf, O_CLOEXEC);
	if (fd < 0) {
		dma_buf_put(buf);
		return fd;
	}
	call->value = fd;
	return 0;
}

const call_fn export_calls[LITMAP_OPS] = {
	[LITMAP_EXPORT] = export,
};
