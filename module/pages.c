// SPDX-License-Identifier: GPL-2.0 OR MIT
/* What a driver does with a process's memory: references, pins, bare frame numbers, notifiers. */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include "internal.h"

struct user_pages {
	struct object object;
	u64 process;			/* its number, which outlives its memory */
	unsigned long address;		/* as it was asked for */
	struct page **pages;
	long count;
	bool pinned;
};
struct notifier {
	struct object object;
	struct mmu_notifier mn;
	struct mm_struct *mm;		/* held by mm_count */
	unsigned long first;		/* where a test's mappings begin; below are the program's own */
	atomic_t calls;
};

struct mm_struct *mm_of(u64 number)
{
	struct pid *pid = find_get_pid((int)number);
	struct task_struct *task = pid ? get_pid_task(pid, PIDTYPE_PID) : NULL;
	struct mm_struct *mm = task ? get_task_mm(task) : NULL;

	if (task)
		put_task_struct(task);
	put_pid(pid);
	return mm ?: ERR_PTR(-ESRCH);
}

static unsigned int foll_of(u64 flags)
{
	return (flags & LITMAP_GUP_WRITE ? FOLL_WRITE : 0) | (flags & LITMAP_GUP_FORCE ? FOLL_FORCE : 0)
	       | (flags & LITMAP_GUP_LONGTERM ? FOLL_LONGTERM : 0)
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	       | (flags & LITMAP_GUP_P2PDMA ? FOLL_PCI_P2PDMA : 0)
#endif
	       ;
}

/* The slow path, on an address space that need not be ours. */
static long take_slowly(struct user_pages *held, struct mm_struct *mm, unsigned long count, u64 flags)
{
	unsigned int foll = foll_of(flags);
	int locked = 1;
	/* Who pins for long must not have the lock dropped under him: no retry. */
	int *retry = foll & FOLL_LONGTERM ? NULL : &locked;
	long got;

	mmap_read_lock(mm);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	got = held->pinned ? pin_user_pages_remote(mm, held->address & PAGE_MASK, count, foll, held->pages, retry)
			   : get_user_pages_remote(mm, held->address & PAGE_MASK, count, foll, held->pages, retry);
#else
	got = held->pinned ? pin_user_pages_remote(mm, held->address & PAGE_MASK, count, foll, held->pages, NULL, retry)
			   : get_user_pages_remote(mm, held->address & PAGE_MASK, count, foll, held->pages, NULL, retry);
#endif
	if (locked)
		mmap_read_unlock(mm);
	return got;
}

/* A thread of the kernel borrows the address space. */
struct visit {
	struct mm_struct *mm;
	unsigned long start, count;
	struct page **pages;
	bool pin;
	unsigned int foll;
	long got;
	struct completion done;
};

static int visitor(void *data)
{
	struct visit *visit = data;

	kthread_use_mm(visit->mm);
	visit->got = visit->pin ? pin_user_pages_fast(visit->start, visit->count, visit->foll, visit->pages)
				: get_user_pages_fast(visit->start, visit->count, visit->foll, visit->pages);
	kthread_unuse_mm(visit->mm);
	complete(&visit->done);
	return 0;
}

long pages_fast(struct mm_struct *mm, unsigned long start, unsigned long count, unsigned int foll, bool pin, struct page **pages)
{
	struct visit visit = { .mm = mm, .start = start, .count = count, .foll = foll, .pin = pin, .pages = pages };
	struct task_struct *thread;

	init_completion(&visit.done);
	thread = kthread_run(visitor, &visit, "litmap-gup");
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	wait_for_completion(&visit.done);
	return visit.got;
}

static long take_fast(struct user_pages *held, struct mm_struct *mm, unsigned long count, u64 flags)
{
	return pages_fast(mm, held->address & PAGE_MASK, count, foll_of(flags), held->pinned, held->pages);
}

static void destroy_user_pages(struct object *object)
{
	struct user_pages *held = container_of(object, struct user_pages, object);
	long i;

	if (held->pinned)
		unpin_user_pages(held->pages, held->count);
	else
		for (i = 0; i < held->count; i++)
			put_page(held->pages[i]);
	kvfree(held->pages);
	kfree(held);
}

static void forget(struct user_pages *held)
{
	kvfree(held->pages);
	kfree(held);
}

static long take_pages(struct session *session, struct litmap_call *call)
{
	u64 address = call->arg[1], flags = call->arg[3];
	unsigned long count = spanned_pages(address, call->arg[2]);
	struct user_pages *held = kzalloc(sizeof(*held), GFP_KERNEL);
	struct mm_struct *mm;
	long got, error;

	if (!held)
		return -ENOMEM;
	held->pages = kvcalloc(clamp(count, 1ul, MOST_PAGES), sizeof(*held->pages), GFP_KERNEL);
	mm = held->pages && count <= MOST_PAGES ? mm_of(call->arg[0]) : ERR_PTR(-ENOMEM);
	if (IS_ERR(mm)) {
		forget(held);
		return PTR_ERR(mm);
	}
	held->address = address;
	held->pinned = flags & LITMAP_GUP_PIN;
	got = flags & LITMAP_GUP_FAST ? take_fast(held, mm, count, flags) : take_slowly(held, mm, count, flags);
	if (got <= 0) {
		forget(held);
		mmput(mm);
		return got;
	}
	held->count = got;
	held->process = call->arg[0];
	mmput(mm);
	error = object_add(session, &held->object, USER_PAGES, destroy_user_pages);
	if (error)
		destroy_user_pages(&held->object);
	call->value = got;
	return error;
}

static bool taken_at(struct object *object, const void *about)
{
	const struct litmap_call *call = about;
	struct user_pages *held = container_of(object, struct user_pages, object);

	return object->kind == USER_PAGES && held->process == call->arg[0] && held->address == call->arg[1];
}

/* The process may have ended: what was taken of it is still held. */
static long put_pages(struct session *session, struct litmap_call *call)
{
	struct object *object;

	while ((object = object_find(session, taken_at, call))) {
		call->value += container_of(object, struct user_pages, object)->count;
		object_drop(object);
		object_release(object);
	}
	return 0;
}

static long look_up(struct mm_struct *mm, unsigned long address)
{
	struct vm_area_struct *vma = find_vma(mm, address);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	struct follow_pfnmap_args args = { .vma = vma, .address = address };
	long error;

	if (!vma || address < vma->vm_start)
		return -EINVAL;
	error = follow_pfnmap_start(&args);
	if (!error)
		follow_pfnmap_end(&args);
	return error;
#else
	unsigned long pfn;

	if (!vma || address < vma->vm_start)
		return -EINVAL;
	return follow_pfn(vma, address, &pfn);
#endif
}

static long follow(struct session *session, struct litmap_call *call)
{
	struct mm_struct *mm = mm_of(call->arg[0]);
	long error;

	if (IS_ERR(mm))
		return PTR_ERR(mm);
	mmap_read_lock(mm);
	error = look_up(mm, call->arg[1]);
	mmap_read_unlock(mm);
	mmput(mm);
	call->value = 1;
	return error;
}

/* Only what can be a test's own: not the image, the data and the stack of the program that runs it. */
static int count_call(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct notifier *notifier = container_of(mn, struct notifier, mn);
	struct mm_struct *mm = notifier->mm;
	unsigned long stack = mm->start_stack - SZ_8M;

	if (range->start < (mm->start_code & PAGE_MASK) || (range->end > notifier->first && range->start < stack))
		atomic_inc(&notifier->calls);
	return 0;
}

static const struct mmu_notifier_ops counting = { .invalidate_range_start = count_call };

static void destroy_notifier(struct object *object)
{
	struct notifier *notifier = container_of(object, struct notifier, object);

	mmu_notifier_unregister(&notifier->mn, notifier->mm);
	mmdrop(notifier->mm);
	kfree(notifier);
}

static long notifier_register(struct session *session, struct litmap_call *call)
{
	struct notifier *notifier;
	struct mm_struct *mm = mm_of(call->arg[0]);
	long error;

	if (IS_ERR(mm))
		return PTR_ERR(mm);
	notifier = kzalloc(sizeof(*notifier), GFP_KERNEL);
	if (!notifier) {
		mmput(mm);
		return -ENOMEM;
	}
	notifier->mm = mm;
	notifier->first = call->arg[1];
	notifier->mn.ops = &counting;
	mmgrab(mm);
	error = mmu_notifier_register(&notifier->mn, mm);
	mmput(mm);
	if (error) {
		mmdrop(mm);
		kfree(notifier);
		return error;
	}
	error = object_add(session, &notifier->object, NOTIFIER, destroy_notifier);
	if (error)
		destroy_notifier(&notifier->object);
	else
		call->value = notifier->object.handle;
	return error;
}

static long notifier_count(struct session *session, struct litmap_call *call)
{
	struct object *object = object_get(call->handle, NOTIFIER);

	if (IS_ERR(object))
		return PTR_ERR(object);
	call->value = atomic_read(&container_of(object, struct notifier, object)->calls);
	return 0;
}

const call_fn page_calls[LITMAP_OPS] = {
	[LITMAP_TAKE_PAGES] = take_pages,
	[LITMAP_PUT_PAGES] = put_pages,
	[LITMAP_FOLLOW_PFN] = follow,
	[LITMAP_NOTIFIER_REGISTER] = notifier_register,
	[LITMAP_NOTIFIER_COUNT] = notifier_count,
};
