// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory that mmap maps by one primitive: an open /dev/litmap that was told which. Which flags
 * go with which primitive is the same as in the model (packages/model/src/devices/chardev.ts).
 */
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/io-mapping.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#include <linux/pfn_t.h>
#endif
#include "internal.h"

/* The largest allocation: 2^10 pages. */
#define MOST_ORDER 10
/* Far from all memory and devices: nobody answers there. */
#define HOLE_PFN (0x2000000000ull >> PAGE_SHIFT)

struct chardev {
	enum litmap_primitive primitive;
	enum litmap_memory memory;
	vm_flags_t flags;
	unsigned long count;
	unsigned int order;
	dma_addr_t dma;			/* of LITMAP_CMA */
	struct io_mapping io;		/* of LITMAP_REMAP_IO_MAPPING */
	unsigned long pfns[];
};

static bool by_page(enum litmap_primitive primitive)
{
	return primitive == LITMAP_VM_INSERT_PAGE || primitive == LITMAP_VM_MAP_PAGES || primitive == LITMAP_FAULT_INSERT_PAGE || primitive == LITMAP_FAULT_PAGE;
}

static bool at_fault(enum litmap_primitive primitive)
{
	return primitive >= LITMAP_VMF_INSERT_PFN;
}

static vm_flags_t vma_flags(u64 asked, enum litmap_primitive primitive)
{
	vm_flags_t flags = (asked & LITMAP_FLAG_IO ? VM_IO : 0) | (asked & LITMAP_FLAG_PFNMAP ? VM_PFNMAP : 0) | (asked & LITMAP_FLAG_MIXEDMAP ? VM_MIXEDMAP : 0)
			   | (asked & LITMAP_FLAG_DONTEXPAND ? VM_DONTEXPAND : 0) | (asked & LITMAP_FLAG_DONTDUMP ? VM_DONTDUMP : 0)
			   | (asked & LITMAP_FLAG_DONTCOPY ? VM_DONTCOPY : 0);

	if (primitive == LITMAP_REMAP_IO_MAPPING)
		flags |= VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP;
	if (primitive == LITMAP_VMF_INSERT_MIXED)
		flags |= VM_MIXEDMAP;
	if (primitive == LITMAP_VMF_INSERT_PFN && !(flags & VM_MIXEDMAP))
		flags |= VM_PFNMAP;
	return flags;
}

/* The DMA API takes single pages from elsewhere. */
static size_t cma_bytes(struct chardev *dev)
{
	return max(dev->count, 2ul) << PAGE_SHIFT;
}

void chardev_free(struct chardev *dev)
{
	unsigned long i;

	if (!dev)
		return;
	if (dev->primitive == LITMAP_REMAP_IO_MAPPING)
		io_mapping_fini(&dev->io);
	if (dev->memory == LITMAP_RAM)
		for (i = 0; i < dev->count && dev->pfns[i]; i++)
			put_page(pfn_to_page(dev->pfns[i]));
	else if (dev->memory == LITMAP_COMPOUND)
		put_page(pfn_to_page(dev->pfns[0]));
	else if (dev->memory == LITMAP_CMA)
		dma_free_pages(device_of(LITMAP_FROM_CMA), cma_bytes(dev), pfn_to_page(dev->pfns[0]), dev->dma, DMA_BIDIRECTIONAL);
	else if (dev->memory == LITMAP_BLOCK)
		__free_pages(pfn_to_page(dev->pfns[0]), dev->order);
	kfree(dev);
}

static int allocate(struct chardev *dev)
{
	struct page *page;
	unsigned long i, first = HOLE_PFN;

	if (dev->memory == LITMAP_RAM) {
		for (i = 0; i < dev->count; i++) {
			page = alloc_page(GFP_KERNEL | __GFP_ZERO);
			if (!page)
				return -ENOMEM;
			dev->pfns[i] = page_to_pfn(page);
		}
		return 0;
	}
	if (dev->memory == LITMAP_CMA) {
		page = dma_alloc_pages(device_of(LITMAP_FROM_CMA), cma_bytes(dev), &dev->dma, DMA_BIDIRECTIONAL, GFP_KERNEL | __GFP_NOWARN);
		if (!page)
			return -ENOMEM;
		first = page_to_pfn(page);
	} else if (dev->memory != LITMAP_IOMEM) {
		page = alloc_pages(GFP_KERNEL | __GFP_ZERO | (dev->memory == LITMAP_COMPOUND ? __GFP_COMP : 0), dev->order);
		if (!page)
			return -ENOMEM;
		first = page_to_pfn(page);
	}
	for (i = 0; i < dev->count; i++)
		dev->pfns[i] = first + i;
	return 0;
}

static long become_chardev(struct session *session, struct litmap_call *call)
{
	unsigned long count = DIV_ROUND_UP(call->arg[0], PAGE_SIZE);
	struct chardev *dev;

	if (session->chardev)
		return -EBUSY;
	if (!count)
		return -EINVAL;
	if (count > 1ul << MOST_ORDER)
		return -ENOMEM;
	if (call->arg[1] >= LITMAP_PRIMITIVES || call->arg[2] >= LITMAP_MEMORIES)
		return -EOPNOTSUPP;
	/* Who unmaps a tail page of a block would free it. */
	if (call->arg[2] == LITMAP_BLOCK && call->arg[1] == LITMAP_FAULT_PAGE && count > 1)
		return -EOPNOTSUPP;
	if (call->arg[2] == LITMAP_CMA && IS_ERR(device_of(LITMAP_FROM_CMA)))
		return -EOPNOTSUPP;
	if (call->arg[2] == LITMAP_IOMEM && by_page(call->arg[1]))
		return -EINVAL;
	if (call->arg[2] != LITMAP_IOMEM && call->arg[1] == LITMAP_REMAP_IO_MAPPING)
		return -EINVAL;
	dev = kzalloc(struct_size(dev, pfns, count), GFP_KERNEL);
	if (!dev)
		return -ENOMEM;
	dev->primitive = call->arg[1];
	dev->memory = call->arg[2];
	dev->flags = vma_flags(call->arg[3], dev->primitive);
	dev->count = count;
	dev->order = order_base_2(count);
	if (allocate(dev)) {
		if (dev->memory == LITMAP_RAM)
			chardev_free(dev);
		else
			kfree(dev);
		return -ENOMEM;
	}
	if (dev->primitive == LITMAP_REMAP_IO_MAPPING && !io_mapping_init_wc(&dev->io, PFN_PHYS(dev->pfns[0]), count * PAGE_SIZE)) {
		kfree(dev);
		return -EBUSY;
	}
	session->chardev = dev;
	return 0;
}

struct io_fill {
	struct mm_struct *mm;
	unsigned long pfn;
	pgprot_t prot;
};

static int fill_pte(pte_t *pte, unsigned long address, void *data)
{
	struct io_fill *fill = data;

	set_pte_at(fill->mm, address, pte, pte_mkspecial(pfn_pte(fill->pfn++, fill->prot)));
	return 0;
}

/* The whole mapping at once, with the io_mapping's cache mode: nobody is asked which that is. */
static vm_fault_t remap_io(struct chardev *dev, struct vm_area_struct *vma)
{
	struct io_fill fill = { vma->vm_mm, dev->pfns[vma->vm_pgoff] };

#ifdef CONFIG_X86
	fill.prot = __pgprot((pgprot_val(dev->io.prot) & _PAGE_CACHE_MASK) | (pgprot_val(vma->vm_page_prot) & ~_PAGE_CACHE_MASK));
#else
	fill.prot = pgprot_writecombine(vma->vm_page_prot);
#endif
	return apply_to_page_range(vma->vm_mm, vma->vm_start, vma->vm_end - vma->vm_start, fill_pte, &fill) ? VM_FAULT_OOM : VM_FAULT_NOPAGE;
}

static vm_fault_t chardev_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct session *session = vma->vm_file->private_data;
	struct chardev *dev = session->chardev;
	unsigned long pfn;
	int error;

	if (vmf->pgoff >= dev->count)
		return VM_FAULT_SIGBUS;
	pfn = dev->pfns[vmf->pgoff];
	switch (dev->primitive) {
	case LITMAP_VMF_INSERT_PFN:
		return vmf_insert_pfn(vma, vmf->address & PAGE_MASK, pfn);
	case LITMAP_VMF_INSERT_MIXED:
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
		return vmf_insert_mixed(vma, vmf->address & PAGE_MASK, __pfn_to_pfn_t(pfn, PFN_DEV));
#else
		return vmf_insert_mixed(vma, vmf->address & PAGE_MASK, pfn);
#endif
	case LITMAP_REMAP_IO_MAPPING:
		return remap_io(dev, vma);
	case LITMAP_FAULT_INSERT_PAGE:
		error = vm_insert_page(vma, vmf->address & PAGE_MASK, pfn_to_page(pfn));
		return !error || error == -EBUSY ? VM_FAULT_NOPAGE : VM_FAULT_SIGBUS;
	default:
		vmf->page = pfn_to_page(pfn);
		get_page(vmf->page);
		return 0;
	}
}

static const struct vm_operations_struct chardev_vm_ops = { .fault = chardev_fault };

static int map_pages(struct chardev *dev, struct vm_area_struct *vma)
{
	struct page **pages = kmalloc_array(dev->count, sizeof(*pages), GFP_KERNEL);
	unsigned long i;
	int error;

	if (!pages)
		return -ENOMEM;
	for (i = 0; i < dev->count; i++)
		pages[i] = pfn_to_page(dev->pfns[i]);
	error = vm_map_pages(vma, pages, dev->count);
	kfree(pages);
	return error;
}

/* The primitives that mmap itself calls. */
static int fill_now(struct chardev *dev, struct vm_area_struct *vma)
{
	unsigned long first = vma->vm_pgoff, i;
	int error = 0;

	if (dev->primitive == LITMAP_VM_MAP_PAGES)
		return map_pages(dev, vma);
	if (dev->primitive == LITMAP_REMAP_PFN_RANGE && dev->memory != LITMAP_RAM)
		return remap_pfn_range(vma, vma->vm_start, dev->pfns[first], vma->vm_end - vma->vm_start, vma->vm_page_prot);
	for (i = 0; i < vma_pages(vma) && !error; i++) {
		unsigned long at = vma->vm_start + i * PAGE_SIZE;

		if (dev->primitive == LITMAP_VM_INSERT_PAGE)
			error = vm_insert_page(vma, at, pfn_to_page(dev->pfns[first + i]));
		else
			error = remap_pfn_range(vma, at, dev->pfns[first + i], PAGE_SIZE, vma->vm_page_prot);
	}
	return error;
}

int chardev_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct session *session = file->private_data;
	struct chardev *dev = session->chardev;

	if (!dev)
		return -ENODEV;
	if (vma->vm_pgoff + vma_pages(vma) > dev->count)
		return -EINVAL;
	if ((dev->primitive == LITMAP_VMF_INSERT_PFN || dev->primitive == LITMAP_REMAP_IO_MAPPING) && (dev->flags & VM_PFNMAP) && (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE)
		return -EINVAL;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_set(vma, dev->flags);
#else
	vma->vm_flags |= dev->flags;
#endif
	if (!at_fault(dev->primitive))
		return fill_now(dev, vma);
	vma->vm_ops = &chardev_vm_ops;
	return 0;
}

const call_fn chardev_calls[LITMAP_OPS] = {
	[LITMAP_CHARDEV] = become_chardev,
};
