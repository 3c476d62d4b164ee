/*
 * What differs between architectures: the system call instruction, the first
 * instructions of a process and of a thread, saving and restoring registers.
 * x86_64, arm64 and arm (EABI, compiled as ARM code).
 */
#include <asm/unistd.h>
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/time.h>

/* Saves the registers that a call keeps; gives 0, and `value` when jump() comes back. */
int save(unsigned long *regs) __attribute__((returns_twice));
void jump(unsigned long *regs, int value) __attribute__((noreturn));
/* clone() for a thread: the child takes two words off its stack and calls begin() with them, which are the same. */
long thread_clone(unsigned long flags, unsigned long stack);
void restorer(void);
/* Runs on the executor's own first stack; `stack` is the kernel's, with arguments and auxiliary vector. */
void supervise(unsigned long *stack) __attribute__((noreturn));
/* Where an actor starts. */
void begin(unsigned int me);

#if defined(__x86_64__)
#define MMAP_NR __NR_mmap
/* What the processor counts; in a QEMU that counts instructions it is those. */
static inline unsigned long long machine_counter(void)
{
	unsigned int low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (unsigned long long)high << 32 | low;
}
static inline long sys_call(long n, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	__asm__ volatile("syscall" : "+a"(n) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return n;
}
__asm__(".text\n.globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tlea stacks+32768-64(%rip), %rsp\n\tcall supervise\n\thlt\n"
	".globl save\nsave:\n\tmov %rbx, (%rdi)\n\tmov %rbp, 8(%rdi)\n\tmov %r12, 16(%rdi)\n\tmov %r13, 24(%rdi)\n\tmov %r14, 32(%rdi)\n"
	"\tmov %r15, 40(%rdi)\n\tlea 8(%rsp), %rdx\n\tmov %rdx, 48(%rdi)\n\tmov (%rsp), %rdx\n\tmov %rdx, 56(%rdi)\n\txor %eax, %eax\n\tret\n"
	".globl jump\njump:\n\tmov %esi, %eax\n\tmov (%rdi), %rbx\n\tmov 8(%rdi), %rbp\n\tmov 16(%rdi), %r12\n\tmov 24(%rdi), %r13\n"
	"\tmov 32(%rdi), %r14\n\tmov 40(%rdi), %r15\n\tmov 48(%rdi), %rsp\n\tjmp *56(%rdi)\n"
	".globl thread_clone\nthread_clone:\n\txor %edx, %edx\n\txor %r10d, %r10d\n\txor %r8d, %r8d\n\tmov $56, %eax\n\tsyscall\n\ttest %rax, %rax\n"
	"\tjz 1f\n\tret\n1:\txor %ebp, %ebp\n\tpop %rdi\n\tpop %rdi\n\tcall begin\n\thlt\n"
	".globl restorer\nrestorer:\n\tmov $15, %eax\n\tsyscall\n");

#elif defined(__aarch64__)
#define MMAP_NR __NR_mmap
static inline unsigned long long machine_counter(void)
{
	unsigned long long count;
	__asm__ volatile("isb\n\tmrs %0, cntvct_el0" : "=r"(count) : : "memory");
	return count;
}
static inline long sys_call(long n, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
}
__asm__(".text\n.globl _start\n_start:\n\tmov x29, #0\n\tmov x0, sp\n\tadrp x1, stacks+32768-64\n\tadd x1, x1, :lo12:stacks+32768-64\n\tmov sp, x1\n\tbl supervise\n\tbrk #0\n"
	".globl save\nsave:\n\tstp x19, x20, [x0]\n\tstp x21, x22, [x0, #16]\n\tstp x23, x24, [x0, #32]\n\tstp x25, x26, [x0, #48]\n"
	"\tstp x27, x28, [x0, #64]\n\tstp x29, x30, [x0, #80]\n\tmov x1, sp\n\tstr x1, [x0, #96]\n\tmov x0, #0\n\tret\n"
	".globl jump\njump:\n\tldp x19, x20, [x0]\n\tldp x21, x22, [x0, #16]\n\tldp x23, x24, [x0, #32]\n\tldp x25, x26, [x0, #48]\n"
	"\tldp x27, x28, [x0, #64]\n\tldp x29, x30, [x0, #80]\n\tldr x2, [x0, #96]\n\tmov sp, x2\n\tmov w0, w1\n\tret\n"
	".globl thread_clone\nthread_clone:\n\tmov x2, #0\n\tmov x3, #0\n\tmov x4, #0\n\tmov x8, #220\n\tsvc #0\n\tcbz x0, 1f\n\tret\n"
	"1:\tmov x29, #0\n\tldr x0, [sp], #16\n\tbl begin\n\tbrk #0\n"
	".globl restorer\nrestorer:\n\tmov x8, #139\n\tsvc #0\n");

#elif defined(__arm__)
#define MMAP_NR __NR_mmap2
/* Not every kernel lets a process read a counter. */
static inline unsigned long long machine_counter(void) { return 0; }
static inline long sys_call(long n, long a, long b, long c, long d, long e, long f)
{
	register long r7 __asm__("r7") = n, r0 __asm__("r0") = a, r1 __asm__("r1") = b, r2 __asm__("r2") = c;
	register long r3 __asm__("r3") = d, r4 __asm__("r4") = e, r5 __asm__("r5") = f;
	__asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5) : "memory");
	return r0;
}
__asm__(".text\n.syntax unified\n.arm\n.globl _start\n_start:\n\tmov r0, sp\n\tldr r1, =stacks+32768-64\n\tmov sp, r1\n\tbl supervise\n\tudf #0\n"
	".globl save\nsave:\n\tmov r12, sp\n\tstmia r0, {r4-r12, lr}\n\tmov r0, #0\n\tbx lr\n"
	".globl jump\njump:\n\tmov r2, r0\n\tmov r0, r1\n\tldmia r2, {r4-r12, lr}\n\tmov sp, r12\n\tbx lr\n"
	".globl thread_clone\nthread_clone:\n\tmov r12, r7\n\tmov r2, #0\n\tmov r3, #0\n\tmov r7, #120\n\tsvc #0\n\tmov r7, r12\n\tcmp r0, #0\n\tbxne lr\n"
	"\tldr r0, [sp], #8\n\tbl begin\n\tudf #0\n"
	".globl restorer\nrestorer:\n\tmov r7, #173\n\tsvc #0\n\t.ltorg\n");
#else
#error "the executor knows x86_64, arm64 and arm"
#endif
