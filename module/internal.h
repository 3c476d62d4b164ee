/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What the parts of the test module share: objects that live from call to call. */
#ifndef LITMAP_INTERNAL_H
#define LITMAP_INTERNAL_H

#include <linux/device.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/refcount.h>
#include <linux/version.h>
#include "litmap.h"

struct chardev;
struct file;
struct mm_struct;
struct page;
struct vm_area_struct;

/* One open /dev/litmap: an actor of a test, or memory that a driver lets others map. */
struct session {
	struct list_head objects;	/* newest first: what is on top of others goes first */
	struct chardev *chardev;
};

enum kind { ATTACHMENT, TABLE, KERNEL_MAP, USER_PAGES, NOTIFIER, GEM, GEM_MAP, REGION };

/* An object of an actor. Any actor may use it by its handle; it goes when its maker does. */
struct object {
	struct list_head entry;
	enum kind kind;
	u32 handle;			/* never given to another */
	refcount_t users;		/* the handle, and each call under way */
	void (*destroy)(struct object *object);
	unsigned long address, length;	/* of a kernel mapping, else 0 */
};

/* The device that a driver acts for; ERR_PTR(-EOPNOTSUPP) where this machine has none such. */
struct device *device_of(u64 which);

typedef long (*call_fn)(struct session *session, struct litmap_call *call);

extern struct device *litmap_device;

/* Gives an object its handle and its owner. A negative errno leaves it the caller's. */
long object_add(struct session *session, struct object *object, enum kind kind, void (*destroy)(struct object *object));
/* The object behind the handle of this call, or ERR_PTR(-EBADF) when there is none of this kind. It stays until the call ends. */
struct object *object_get(u32 handle, enum kind kind);
/* The newest object of a session, or of all (NULL), that `is` accepts, with a reference for object_release(), or NULL. */
struct object *object_find(struct session *session, bool (*is)(struct object *object, const void *about), const void *about);
/* Drops a reference; the last one destroys. */
void object_release(struct object *object);
/* Takes the handle away; a caller without a reference must not use the object any more. */
void object_drop(struct object *object);

extern const call_fn dma_calls[LITMAP_OPS], page_calls[LITMAP_OPS], gem_calls[LITMAP_OPS], chardev_calls[LITMAP_OPS], export_calls[LITMAP_OPS], region_calls[LITMAP_OPS], mode_calls[LITMAP_OPS];

/* Pages that one call may take, and that a region may have. */
#define MOST_PAGES 65536ul

/* Pages that a range of bytes touches, or MOST_PAGES + 1 when they are more. */
static inline unsigned long spanned_pages(u64 address, u64 length)
{
	if (!length)
		return 0;
	if (length > (u64)MOST_PAGES << PAGE_SHIFT)
		return MOST_PAGES + 1;
	return (offset_in_page((unsigned long)address) + (unsigned long)length + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/* The address space of a process, by the number that its own namespace knows it by; mmput() it. */
struct mm_struct *mm_of(u64 number);
/* Page references, or pins, by the fast path, which walks the page table of whoever runs: pages or a negative errno. */
long pages_fast(struct mm_struct *mm, unsigned long start, unsigned long count, unsigned int foll, bool pin, struct page **pages);

int chardev_mmap(struct file *file, struct vm_area_struct *vma);
void chardev_free(struct chardev *chardev);

#endif
