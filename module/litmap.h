/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The door to the test module: one ioctl on /dev/litmap, LITMAP_CALL, carries a call of a
 * driver or of the kernel itself. packages/linux/src/module.ts has the same numbers.
 */
#ifndef LITMAP_H
#define LITMAP_H

#include <linux/errno.h>
#include <linux/ioctl.h>
#include <linux/types.h>

struct litmap_call {
	__u32 op;
	/* What the call is about, where that is an object made by an earlier call. */
	__u32 handle;
	__u64 arg[5];
	/* A number, a handle or a kernel address. Errors are the ioctl's own. */
	__s64 value;
};

#define LITMAP_CALL _IOWR('L', 0x4d, struct litmap_call)

/*
 * Errors that no function of the kernel gives: the call was not made. EOPNOTSUPP: this kernel, or
 * this machine, has not got what it needs.
 */
#define LITMAP_FREED ESTALE			/* it would use memory that may have been freed */
#define LITMAP_NO_ENGINE EPROTONOSUPPORT	/* the device has no engine that an IOMMU could stop */

enum litmap_op {
	LITMAP_ATTACH,			/* dma-buf fd, dynamic, device -> handle */
	LITMAP_DETACH,			/* handle */
	LITMAP_MAP_ATTACHMENT,		/* handle, direction -> handle */
	LITMAP_UNMAP_ATTACHMENT,	/* handle */
	LITMAP_PIN,			/* handle */
	LITMAP_UNPIN,			/* handle */
	LITMAP_DMA_READ,		/* handle of a table, offset -> value */
	LITMAP_DMA_WRITE,		/* handle of a table, offset, value */
	LITMAP_BEGIN_CPU_ACCESS,	/* dma-buf fd, direction */
	LITMAP_END_CPU_ACCESS,		/* dma-buf fd, direction */
	LITMAP_VMAP,			/* dma-buf fd -> kernel address */
	LITMAP_VUNMAP,			/* dma-buf fd */
	LITMAP_LOAD,			/* kernel address, width -> value */
	LITMAP_STORE,			/* kernel address, width, value */
	LITMAP_TAKE_PAGES,		/* pid, address, length, LITMAP_GUP_* -> pages */
	LITMAP_PUT_PAGES,		/* pid, address -> pages */
	LITMAP_FOLLOW_PFN,		/* pid, address -> 1 */
	LITMAP_NOTIFIER_REGISTER,	/* pid, where a test's mappings begin -> handle */
	LITMAP_NOTIFIER_COUNT,		/* handle -> calls */
	LITMAP_REVOKE,			/* fd */
	LITMAP_GEM_CREATE,		/* size -> handle */
	LITMAP_GEM_GET_SG_TABLE,	/* handle */
	LITMAP_GEM_MADVISE,		/* handle, 1 for not needed -> 1 while the pages are there */
	LITMAP_GEM_VMAP,		/* handle -> kernel address */
	LITMAP_GEM_VUNMAP,		/* handle */
	LITMAP_GEM_SHRINK,		/* -> pages */
	LITMAP_CHARDEV,			/* bytes, primitive, memory, LITMAP_FLAG_*: this open file can be mapped */
	LITMAP_EXPORT,			/* LITMAP_COHERENT and so on, bytes, device -> dma-buf fd */
	LITMAP_REG_MR,			/* pid, address, length, LITMAP_REGION_*, LITMAP_HOLD_* -> handle */
	LITMAP_DEREG_MR,		/* handle */
	LITMAP_MR_READ,			/* handle, offset -> value */
	LITMAP_MR_WRITE,		/* handle, offset, value */
	LITMAP_MR_SYNC,			/* handle */
	LITMAP_REG_MEMFD,		/* memfd, offset, length, LITMAP_REGION_* -> handle */
	LITMAP_CACHE_MODE,		/* pid, address -> LITMAP_UNMAPPED and so on */
	LITMAP_OPS
};

/* How the CPU reaches a page. */
enum { LITMAP_UNMAPPED, LITMAP_CACHED, LITMAP_WRITE_THROUGH, LITMAP_WRITE_COMBINING, LITMAP_UNCACHED, LITMAP_DEVICE };

enum { LITMAP_REGION_READ = 1, LITMAP_REGION_WRITE = 2 };
enum { LITMAP_HOLD_PIN, LITMAP_HOLD_GET, LITMAP_HOLD_NOTIFIER };

/* Devices: what a driver acts for. */
enum { LITMAP_PLAIN, LITMAP_BEHIND_IOMMU, LITMAP_FROM_CMA };
enum litmap_export {
	LITMAP_COHERENT, LITMAP_NONCONTIGUOUS, LITMAP_PAGES, LITMAP_VB2_VMALLOC, LITMAP_VB2_CONTIG, LITMAP_VB2_CONTIG_NONCOHERENT,
	LITMAP_VB2_SG, LITMAP_GEM_DMA, LITMAP_GEM_DMA_NONCOHERENT, LITMAP_EXPORTS
};

enum litmap_primitive {
	LITMAP_VM_INSERT_PAGE, LITMAP_VM_MAP_PAGES, LITMAP_REMAP_PFN_RANGE,
	LITMAP_VMF_INSERT_PFN, LITMAP_VMF_INSERT_MIXED, LITMAP_FAULT_INSERT_PAGE, LITMAP_FAULT_PAGE, LITMAP_REMAP_IO_MAPPING, LITMAP_PRIMITIVES
};
enum litmap_memory { LITMAP_RAM, LITMAP_BLOCK, LITMAP_COMPOUND, LITMAP_CMA, LITMAP_IOMEM, LITMAP_MEMORIES };
enum {
	LITMAP_FLAG_IO = 1, LITMAP_FLAG_PFNMAP = 2, LITMAP_FLAG_MIXEDMAP = 4, LITMAP_FLAG_DONTEXPAND = 8,
	LITMAP_FLAG_DONTDUMP = 16, LITMAP_FLAG_DONTCOPY = 32
};

enum { LITMAP_GUP_WRITE = 1, LITMAP_GUP_FORCE = 2, LITMAP_GUP_LONGTERM = 4, LITMAP_GUP_FAST = 8, LITMAP_GUP_PIN = 16, LITMAP_GUP_P2PDMA = 32 };

#endif
