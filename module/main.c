// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The test module: does for a litmus test what only a driver or the kernel itself can do.
 * It decides nothing: each call is one call of the function that drivers call, and its
 * result goes back as it is. Not for machines that matter: it reads and writes kernel memory.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/dma-mapping.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>
#include "internal.h"

struct device *litmap_device;
static DEFINE_XARRAY_ALLOC1(objects);
/* Guards the handles and the lists of sessions; never held over a call. */
static DEFINE_MUTEX(objects_lock);

long object_add(struct session *session, struct object *object, enum kind kind, void (*destroy)(struct object *object))
{
	static u32 next;
	int error;

	object->kind = kind;
	object->destroy = destroy;
	refcount_set(&object->users, 1);
	mutex_lock(&objects_lock);
	error = xa_alloc_cyclic(&objects, &object->handle, object, xa_limit_31b, &next, GFP_KERNEL);
	if (error >= 0)
		list_add(&object->entry, &session->objects);
	mutex_unlock(&objects_lock);
	return error < 0 ? error : 0;
}

struct object *object_get(u32 handle, enum kind kind)
{
	struct object *object = xa_load(&objects, handle);

	return object && object->kind == kind ? object : ERR_PTR(-EBADF);
}

struct object *object_find(struct session *session, bool (*is)(struct object *object, const void *about), const void *about)
{
	struct object *object, *found = NULL;
	unsigned long handle;

	mutex_lock(&objects_lock);
	if (session) {
		list_for_each_entry(object, &session->objects, entry) {
			if (!is(object, about))
				continue;
			found = object;
			break;
		}
	} else {
		xa_for_each(&objects, handle, object)
			if (is(object, about))
				found = object;
	}
	if (found)
		refcount_inc(&found->users);
	mutex_unlock(&objects_lock);
	return found;
}

static struct object *object_hold(u32 handle)
{
	struct object *object;

	mutex_lock(&objects_lock);
	object = xa_load(&objects, handle);
	if (object)
		refcount_inc(&object->users);
	mutex_unlock(&objects_lock);
	return object;
}

void object_release(struct object *object)
{
	if (refcount_dec_and_test(&object->users))
		object->destroy(object);
}

void object_drop(struct object *object)
{
	bool mine;

	mutex_lock(&objects_lock);
	mine = xa_load(&objects, object->handle) == object;
	if (mine) {
		xa_erase(&objects, object->handle);
		list_del(&object->entry);
	}
	mutex_unlock(&objects_lock);
	if (mine)
		object_release(object);
}

static int litmap_open(struct inode *inode, struct file *file)
{
	struct session *session = kzalloc(sizeof(*session), GFP_KERNEL);

	if (!session)
		return -ENOMEM;
	INIT_LIST_HEAD(&session->objects);
	file->private_data = session;
	return 0;
}

static bool any(struct object *object, const void *about)
{
	return true;
}

static int litmap_release(struct inode *inode, struct file *file)
{
	struct session *session = file->private_data;
	struct object *object;

	while ((object = object_find(session, any, NULL))) {
		object_drop(object);
		object_release(object);
	}
	chardev_free(session->chardev);
	kfree(session);
	return 0;
}

static call_fn function_of(u32 op)
{
	if (op >= LITMAP_OPS)
		return NULL;
	return dma_calls[op] ?: page_calls[op] ?: gem_calls[op] ?: chardev_calls[op] ?: export_calls[op] ?: region_calls[op] ?: mode_calls[op];
}

static long litmap_ioctl(struct file *file, unsigned int cmd, unsigned long at)
{
	struct litmap_call call;
	struct object *object;
	call_fn function;
	long error;

	if (cmd != LITMAP_CALL)
		return -ENOTTY;
	if (copy_from_user(&call, (void __user *)at, sizeof(call)))
		return -EFAULT;
	function = function_of(call.op);
	if (!function)
		return -EOPNOTSUPP;
	call.value = 0;
	/* Another actor may give it back meanwhile. */
	object = object_hold(call.handle);
	error = function(file->private_data, &call);
	if (object)
		object_release(object);
	if (error)
		return error;
	return copy_to_user((void __user *)at, &call, sizeof(call)) ? -EFAULT : 0;
}

static const struct file_operations litmap_fops = {
	.owner = THIS_MODULE,
	.open = litmap_open,
	.release = litmap_release,
	.unlocked_ioctl = litmap_ioctl,
	.mmap = chardev_mmap,
};

static struct miscdevice litmap_misc = { .minor = MISC_DYNAMIC_MINOR, .name = "litmap", .fops = &litmap_fops };
static struct platform_device *platform;

static int __init litmap_init(void)
{
	int error;

	platform = platform_device_register_simple("litmap", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(platform))
		return PTR_ERR(platform);
	litmap_device = &platform->dev;
	error = dma_coerce_mask_and_coherent(litmap_device, DMA_BIT_MASK(64));
	if (!error)
		error = misc_register(&litmap_misc);
	if (error)
		platform_device_unregister(platform);
	return error;
}

static void __exit litmap_exit(void)
{
	misc_deregister(&litmap_misc);
	platform_device_unregister(platform);
}

module_init(litmap_init);
module_exit(litmap_exit);
MODULE_DESCRIPTION("Calls of drivers and of the kernel for litmus tests");
MODULE_LICENSE("Dual MIT/GPL");
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS("DMA_BUF");
#else
MODULE_IMPORT_NS(DMA_BUF);
#endif
