// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A process's memory registered with a device, as for RDMA: pinned for long, referenced, or
 * mirrored with a notifier. The device has no engine: it reads and writes by the kernel's CPU.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/hmm.h>
#include <linux/memfd.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "internal.h"

struct region {
	struct object object;
	struct mm_struct *mm;		/* held by mm_count */
	unsigned long address, length;	/* at most MOST_PAGES */
	bool read, write;
	u64 hold;
	struct page **pages;		/* those that are held, and how many */
	unsigned long count;
#if IS_ENABLED(CONFIG_HMM_MIRROR)
	struct mmu_interval_notifier notifier;
	struct mutex lock;		/* between an invalidation and an access */
#endif
};

static unsigned long pages_of(struct region *region)
{
	return spanned_pages(region->address, region->length);
}

static void give_back(struct region *region)
{
	unsigned long i;

	if (region->hold == LITMAP_HOLD_PIN) {
		unpin_user_pages_dirty_lock(region->pages, region->count, region->write);
	} else {
		for (i = 0; i < region->count; i++) {
			if (region->write)
				set_page_dirty_lock(region->pages[i]);
			put_page(region->pages[i]);
		}
	}
	region->count = 0;
}

static void free_region(struct region *region)
{
	mmdrop(region->mm);
	kvfree(region->pages);
	kfree(region);
}

/* Up to 6.1 RDMA pinned what a device only reads for writing, by force. */
static unsigned int foll_of(struct region *region)
{
	if (region->hold != LITMAP_HOLD_PIN)
		return region->write ? FOLL_WRITE : 0;
	if (region->write)
		return FOLL_LONGTERM | FOLL_WRITE;
	return LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0) ? FOLL_LONGTERM : FOLL_LONGTERM | FOLL_WRITE | FOLL_FORCE;
}

static long have_pages(struct region *region)
{
	unsigned long first = region->address & PAGE_MASK, wanted = pages_of(region);

	region->pages = kvcalloc(wanted, sizeof(*region->pages), GFP_KERNEL);
	if (!region->pages)
		return -ENOMEM;
	while (region->count < wanted) {
		long got = pages_fast(region->mm, first + region->count * PAGE_SIZE, wanted - region->count, foll_of(region),
				      region->hold == LITMAP_HOLD_PIN, region->pages + region->count);
		if (got <= 0) {
			give_back(region);
			return got ?: -EFAULT;
		}
		region->count += got;
	}
	if (region->hold == LITMAP_HOLD_PIN)
		atomic64_add(wanted, &region->mm->pinned_vm);
	return 0;
}

static void destroy_held(struct object *object)
{
	struct region *region = container_of(object, struct region, object);

	if (region->hold == LITMAP_HOLD_PIN)
		atomic64_sub(region->count, &region->mm->pinned_vm);
	give_back(region);
	free_region(region);
}

#if IS_ENABLED(CONFIG_HMM_MIRROR)
static bool invalidate(struct mmu_interval_notifier *notifier, const struct mmu_notifier_range *range, unsigned long sequence)
{
	struct region *region = container_of(notifier, struct region, notifier);

	if (mmu_notifier_range_blockable(range))
		mutex_lock(&region->lock);
	else if (!mutex_trylock(&region->lock))
		return false;
	mmu_interval_set_seq(notifier, sequence);
	mutex_unlock(&region->lock);
	return true;
}

static const struct mmu_interval_notifier_ops mirroring = { .invalidate = invalidate };

static void destroy_mirrored(struct object *object)
{
	struct region *region = container_of(object, struct region, object);

	mmu_interval_notifier_remove(&region->notifier);
	free_region(region);
}

static long mirror(struct region *region)
{
	mutex_init(&region->lock);
	return mmu_interval_notifier_insert(&region->notifier, region->mm, region->address & PAGE_MASK, pages_of(region) << PAGE_SHIFT, &mirroring);
}

/* Copies a stretch within one page, which is there as long as the lock is held. */
static long access_mirrored(struct region *region, unsigned long address, void *bytes, size_t length, bool write)
{
	unsigned long entry = 0;
	struct hmm_range range = {
		.notifier = &region->notifier, .start = address & PAGE_MASK, .end = (address & PAGE_MASK) + PAGE_SIZE, .hmm_pfns = &entry,
		.default_flags = HMM_PFN_REQ_FAULT | (write ? HMM_PFN_REQ_WRITE : 0),
	};
	struct page *page;
	long error;

	if (!mmget_not_zero(region->mm))
		return -EINVAL;
	for (;;) {
		range.notifier_seq = mmu_interval_read_begin(&region->notifier);
		mmap_read_lock(region->mm);
		error = hmm_range_fault(&range);
		mmap_read_unlock(region->mm);
		if (error == -EBUSY)
			continue;
		if (error)
			break;
		mutex_lock(&region->lock);
		if (!mmu_interval_read_retry(&region->notifier, range.notifier_seq)) {
			page = hmm_pfn_to_page(entry);
			if (write) {
				memcpy_to_page(page, offset_in_page(address), bytes, length);
				set_page_dirty(page);
			} else {
				memcpy_from_page(bytes, page, offset_in_page(address), length);
			}
			mutex_unlock(&region->lock);
			break;
		}
		mutex_unlock(&region->lock);
	}
	mmput(region->mm);
	return error;
}
#else
static void destroy_mirrored(struct object *object) { }
static long mirror(struct region *region) { return -EOPNOTSUPP; }
static long access_mirrored(struct region *region, unsigned long address, void *bytes, size_t length, bool write) { return -EOPNOTSUPP; }
#endif

static long access_held(struct region *region, unsigned long address, void *bytes, size_t length, bool write)
{
	struct page *page = region->pages[(address - (region->address & PAGE_MASK)) >> PAGE_SHIFT];

	if (write)
		memcpy_to_page(page, offset_in_page(address), bytes, length);
	else
		memcpy_from_page(bytes, page, offset_in_page(address), length);
	return 0;
}

static long register_region(struct session *session, struct litmap_call *call)
{
	struct region *region;
	struct mm_struct *mm;
	long error;

	if (!call->arg[2] || !call->arg[3])
		return -EINVAL;
	if (spanned_pages(call->arg[1], call->arg[2]) > MOST_PAGES)
		return -ENOMEM;
	mm = mm_of(call->arg[0]);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	region = kzalloc(sizeof(*region), GFP_KERNEL);
	if (!region) {
		mmput(mm);
		return -ENOMEM;
	}
	region->mm = mm;
	mmgrab(mm);
	region->address = call->arg[1];
	region->length = call->arg[2];
	region->read = call->arg[3] & LITMAP_REGION_READ;
	region->write = call->arg[3] & LITMAP_REGION_WRITE;
	region->hold = call->arg[4];
	error = region->hold == LITMAP_HOLD_NOTIFIER ? mirror(region) : have_pages(region);
	mmput(mm);
	if (error) {
		free_region(region);
		return error;
	}
	error = object_add(session, &region->object, REGION, region->hold == LITMAP_HOLD_NOTIFIER ? destroy_mirrored : destroy_held);
	if (error)
		(region->hold == LITMAP_HOLD_NOTIFIER ? destroy_mirrored : destroy_held)(&region->object);
	else
		call->value = region->object.handle;
	return error;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
struct file_region {
	struct region region;
	struct folio **folios;
	long count;
};

static void destroy_file_region(struct object *object)
{
	struct file_region *held = container_of(object, struct file_region, region.object);

	long i;

	for (i = 0; i < held->count; i++)
		unpin_user_page_range_dirty_lock(folio_page(held->folios[i], 0), 1, held->region.write);
	kvfree(held->folios);
	kvfree(held->region.pages);
	kfree(held);
}

/* Pins the folios and names their pages one by one; the first may begin before what was asked for. */
static long pin_file(struct file_region *held, struct file *file, unsigned long offset)
{
	unsigned long wanted = pages_of(&held->region), page, at = 0;
	pgoff_t skip;
	long i;

	held->folios = kvcalloc(wanted, sizeof(*held->folios), GFP_KERNEL);
	held->region.pages = kvcalloc(wanted, sizeof(*held->region.pages), GFP_KERNEL);
	if (!held->folios || !held->region.pages)
		return -ENOMEM;
	held->count = memfd_pin_folios(file, offset, offset + held->region.length - 1, held->folios, wanted, &skip);
	if (held->count < 0)
		return held->count;
	for (i = 0, page = skip >> PAGE_SHIFT; i < held->count && at < wanted; i++, page = 0)
		for (; page < folio_nr_pages(held->folios[i]) && at < wanted; page++)
			held->region.pages[at++] = folio_page(held->folios[i], page);
	return 0;
}

static long register_file(struct session *session, struct litmap_call *call)
{
	struct file *file = fget((int)call->arg[0]);
	struct file_region *held = NULL;
	long error = 0;

	if (!file)
		return -EBADF;
	if (!call->arg[2] || !call->arg[3])
		error = -EINVAL;
	else if (spanned_pages(call->arg[1], call->arg[2]) > MOST_PAGES)
		error = -ENOMEM;
	else
		held = kzalloc(sizeof(*held), GFP_KERNEL);
	if (!held) {
		fput(file);
		return error ?: -ENOMEM;
	}
	held->region.address = call->arg[1];
	held->region.length = call->arg[2];
	held->region.read = call->arg[3] & LITMAP_REGION_READ;
	held->region.write = call->arg[3] & LITMAP_REGION_WRITE;
	error = pin_file(held, file, call->arg[1]);
	fput(file);
	if (!error)
		error = object_add(session, &held->region.object, REGION, destroy_file_region);
	if (error) {
		held->count = max(held->count, 0l);
		destroy_file_region(&held->region.object);
		return error;
	}
	call->value = held->region.object.handle;
	return 0;
}
#else
#define register_file NULL
#endif

static long unregister_region(struct session *session, struct litmap_call *call)
{
	struct object *object = object_get(call->handle, REGION);

	if (IS_ERR(object))
		return -EFAULT;
	object_drop(object);
	return 0;
}

static long transfer(struct litmap_call *call, u32 *word, bool write)
{
	struct object *object = object_get(call->handle, REGION);
	struct region *region = container_of(object, struct region, object);
	unsigned long offset = call->arg[0], address;
	size_t done, bytes;
	long error = 0;

	if (IS_ERR(object))
		return -EFAULT;
	if (offset > region->length || region->length - offset < sizeof(*word) || !(write ? region->write : region->read))
		return -EFAULT;
	for (done = 0; done < sizeof(*word) && !error; done += bytes) {
		address = region->address + offset + done;
		bytes = min(sizeof(*word) - done, PAGE_SIZE - offset_in_page(address));
		error = (region->hold == LITMAP_HOLD_NOTIFIER ? access_mirrored : access_held)(region, address, (void *)word + done, bytes, write);
	}
	return error;
}

static long region_read(struct session *session, struct litmap_call *call)
{
	u32 word = 0;
	long error = transfer(call, &word, false);

	call->value = word;
	return error;
}

static long region_write(struct session *session, struct litmap_call *call)
{
	u32 word = call->arg[1];

	return transfer(call, &word, true);
}

/* The kernel's CPU is the device: there is nothing to hand over. */
static long region_sync(struct session *session, struct litmap_call *call)
{
	return IS_ERR(object_get(call->handle, REGION)) ? -EFAULT : 0;
}

const call_fn region_calls[LITMAP_OPS] = {
	[LITMAP_REG_MR] = register_region,
	[LITMAP_REG_MEMFD] = register_file,
	[LITMAP_DEREG_MR] = unregister_region,
	[LITMAP_MR_READ] = region_read,
	[LITMAP_MR_WRITE] = region_write,
	[LITMAP_MR_SYNC] = region_sync,
};
