/*
 * The executor: runs Programs of system calls and memory accesses, and says what came
 * back. It knows no exporter and no ioctl; all of that lies in the Program, which
 * packages/linux/src/program.ts writes. It is an ordinary process talking over
 * descriptors 0 and 1, or, as pid 1, a guest's init talking over a virtio port or ttyS1.
 *
 * Precise observation rules the layout. No libc: nothing allocates, nothing is mapped
 * behind our back. All of its memory lies below 0x30000000, far from where tests map, so
 * that it never neighbours or merges with what a test looks at:
 *
 *   image, bss, stacks   where the linker puts them (not relocated)
 *   SHARED  0x10000000   control, results, the Program, streams; shared by all actors
 *   DATA    0x18000000   8 MiB for each actor, private
 *   SCRATCH 0x1e000000   pages for flushing the kernel's batched RSS counters
 *   OUT     0x20000000   the supervisor's; not inherited
 *   RX      0x22000000   the supervisor's; not inherited
 *   LONE    0x28000000   for a moment, when it says what the machine is
 *
 * A supervisor forks the processes of a test for each round. They take turns through
 * `control.pc`; in a parallel section each branch runs free between two barriers.
 */
#include "arch.h"

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;
typedef unsigned long word;

enum { MAX_ACTORS = 12, MAX_INSNS = 8192, STACK = 32768, NSTACKS = MAX_ACTORS + 1, SCRATCH_PAGES = 520 };
#define SHARED 0x10000000ul
#define SHARED_BYTES 0x06000000ul
#define PROGRAM (SHARED + 0x00100000ul)
#define PROGRAM_BYTES 0x00f00000ul
#define STREAMS (SHARED + 0x01000000ul)
#define STREAMS_BYTES 0x05000000ul
#define DATA 0x18000000ul
#define DATA_STRIDE 0x00800000ul
#define SCRATCH 0x1e000000ul
#define SCRATCH_SHARED 0x1f000000ul
#define OUT 0x20000000ul
#define OUT_BYTES 0x01000000ul
#define RX 0x22000000ul
#define RX_BYTES 0x01100000ul
/* A page here has a page table to itself. */
#define LONE 0x28000000ul
#define PAYLOAD_LIMIT 0x01000000u

/* ---- the Program, as it comes; all little endian, see program.ts ---- */

enum { OP_SYS, OP_LOAD, OP_STORE, OP_TOUCH, OP_FILL, OP_PATH, OP_READ, OP_CALC, OP_FAULTS,
       OP_FAULTS_SINCE, OP_SETTLE, OP_FORK, OP_THREAD, OP_EXIT, OP_PARALLEL, OP_SHOW, OP_AWAIT, OP_COUNT };
enum { ARG_IMM, ARG_RESULT, ARG_DATA, ARG_PID };
enum { STATE_NOT_RUN, STATE_OK, STATE_ERRNO, STATE_SIGNAL, STATE_SKIPPED };
enum { KIND_PROCESS, KIND_FORK, KIND_THREAD };
enum { FLAG_VOLATILE = 1 };		/* value differs from run to run: reported as 0 */
enum { PROGRAM_PINNED = 1, PROGRAM_COUNTED = 2 };
enum { ROUND_DONE, ROUND_TIMEOUT, ROUND_DIED };

struct arg { u32 kind, index; i64 value; };
struct insn { u8 op, actor, nargs, flags; u32 imm; u32 need[4]; struct arg arg[7]; };
struct header {
	u32 magic; u16 version, nactors; u32 ninsns, data_init, data_bytes, stream_bytes;
	u32 rounds, round_ms, budget_ms, flags, seed, pad[5];
};
struct span { long s, ns; };		/* a timespec */
struct actor { u8 kind, parent; u16 pad; };
struct result { u8 state, signal; u16 pad; u32 aux; i64 value; };

struct turns {
	u32 pc, finished, dying, entered, set, left, round, supervisor;
	u32 alive[MAX_ACTORS], born[MAX_ACTORS], pid[MAX_ACTORS], at[MAX_ACTORS], used[MAX_ACTORS];
};

#define control ((volatile struct turns *)SHARED)
#define results ((volatile struct result *)(SHARED + 0x1000))
#define counts ((volatile u64 *)(SHARED + 0x80000))	/* of a counted Program: what the machine's counter gained in each instruction */
static struct header *prog;
static struct actor *actors;
static struct insn *insns;
static u8 *initial;
static word page;
static u32 program_bytes;
static u32 cpus, flush_pages;
static u8 all_cpus[128];
static int is_init;
static struct { word regs[16]; int armed; } guard[NSTACKS];
static i64 minflt_base[NSTACKS];
u8 stacks[NSTACKS][STACK] __attribute__((aligned(4096)));
static struct { word from, to; int writable; } image[8];	/* our own mappings */
static char notes[2048];

/* ---- what a libc would give ---- */

void *memcpy(void *to, const void *from, word n)
{
	u8 *t = to; const u8 *f = from;
	while (n--) { *t++ = *f++; __asm__ volatile("" ::: "memory"); }
	return to;
}
void *memset(void *to, int c, word n)
{
	u8 *t = to;
	while (n--) { *t++ = (u8)c; __asm__ volatile("" ::: "memory"); }
	return to;
}
static int same(const void *a, const void *b, word n)
{
	const u8 *x = a, *y = b;
	while (n--) if (*x++ != *y++) return 0;
	return 1;
}
static word length(const char *s) { word n = 0; while (s[n]) n++; return n; }
/* Knows %s and %u; gives the end. */
static char *print(char *at, char *end, const char *form, ...)
{
	__builtin_va_list args;
	__builtin_va_start(args, form);
	for (; *form && at < end - 1; form++) {
		char digits[12] = { 0 };
		const char *s = digits + 11;
		if (*form != '%') { *at++ = *form; continue; }
		if (*++form == 's') s = __builtin_va_arg(args, const char *);
		else for (u32 v = __builtin_va_arg(args, u32), first = 1; v || first; v /= 10, first = 0) *(char *)--s = (char)('0' + v % 10);
		while (*s && at < end - 1) *at++ = *s++;
	}
	__builtin_va_end(args);
	*at = 0;
	return at;
}
#define SYS(n, a, b, c, d, e, f, ...) sys_call(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define sys(...) SYS(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

static int open_at(const char *path, int flags) { return (int)sys(__NR_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600); }
static void close_fd(int fd) { sys(__NR_close, fd); }
static struct span span(long ms) { return (struct span){ ms / 1000, ms % 1000 * 1000000 }; }
static void nap(long ms) { struct span t = span(ms); sys(__NR_nanosleep, &t); }
static u32 now_ms(void)
{
	struct span t;
	sys(__NR_clock_gettime, CLOCK_MONOTONIC, &t);
	return (u32)t.s * 1000u + (u32)t.ns / 1000000u;
}
static long poll_in(int fd, struct span *limit)
{
	struct { int fd; short events, revents; } p = { fd, 1, 0 };
	return sys(__NR_ppoll, &p, 1, limit, 0, 8);
}
static long read_whole(const char *path, char *to, word max)
{
	long got = 0, n;
	int fd = open_at(path, O_RDONLY);
	if (fd < 0) return fd;
	while ((word)got < max - 1 && (n = sys(__NR_read, fd, to + got, max - 1 - (word)got)) > 0) got += n;
	close_fd(fd);
	to[got] = 0;
	return got;
}
/* /proc/sys/kernel/tainted, kept open: it is read before and after every Program. */
static u64 taint(void)
{
	static int fd = -1;
	char text[32]; u64 v = 0;
	if (fd < 0) fd = open_at("/proc/sys/kernel/tainted", O_RDONLY);
	sys(__NR_lseek, fd, 0, 0);
	long n = sys(__NR_read, fd, text, sizeof text);
	for (long i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++) v = v * 10 + (u64)(text[i] - '0');
	return v;
}
static void note(const char *what, const char *name, long error)
{
	print(notes + length(notes), notes + sizeof notes, "note=%s %s: errno %u\n", what, name, (u32)-error);
}
static word map(word at, word bytes, int sharing)
{
	word got = (word)sys(MMAP_NR, at, bytes, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
	sys(__NR_madvise, at, bytes, MADV_DONTDUMP);	/* core files are for what tests map */
	return got;
}
static void futex_wait_for(volatile u32 *at, u32 value, long ms)
{
	struct span t = span(ms);
	sys(__NR_futex, at, 0, value, &t);
}
static void futex_wake_all(volatile u32 *at) { sys(__NR_futex, at, 1, 0x7fffffff); }
#define get(at) __atomic_load_n((at), __ATOMIC_SEQ_CST)
#define put(at, v) __atomic_store_n((at), (v), __ATOMIC_SEQ_CST)

/* ---- holding still: every page that we touch while observing is there beforehand ---- */

static void hold(word from, word to, int writable)
{
	for (word at = from & ~(page - 1); at < to; at += page) {
		volatile u8 *p = (volatile u8 *)at;
		if (writable) __atomic_fetch_or((u8 *)at, 0, __ATOMIC_RELAXED);
		else (void)*p;
	}
}
static word data_of(u32 who) { return DATA + who * DATA_STRIDE; }
static u32 stack_here(void) { u8 mark; return (u32)(((word)&mark - (word)stacks) / STACK); }
static int shares_memory(u32 who, u32 with)
{
	for (u32 i = 0; i < MAX_ACTORS && who != with; i++) {
		if (actors[who].kind != KIND_THREAD) return 0;
		who = actors[who].parent;
	}
	return who == with;
}
/* After a fork our pages are read-only (copy on write) or, where shared, not mapped at all. */
static void hold_all(u32 me)
{
	const word first = (word)stacks, past = (word)stacks + sizeof stacks;
	for (int i = 0; i < 8 && image[i].to; i++) {
		if (!image[i].writable) { hold(image[i].from, image[i].to, 0); continue; }
		/* Other actors' stacks are their own business. */
		hold(image[i].from, image[i].to < first ? image[i].to : first, 1);
		hold(image[i].from > past ? image[i].from : past, image[i].to, 1);
	}
	hold((word)stacks[stack_here()], (word)stacks[stack_here()] + STACK, 1);
	hold(SHARED, SHARED + 0x1000 + prog->ninsns * sizeof(struct result), 1);
	if (prog->flags & PROGRAM_COUNTED) hold((word)counts, (word)(counts + prog->ninsns), 1);
	hold(PROGRAM, PROGRAM + program_bytes, 0);
	hold(STREAMS + (word)me * prog->stream_bytes, STREAMS + ((word)me + 1) * prog->stream_bytes, 1);
	hold(data_of(me), data_of(me) + prog->data_bytes, 1);
}
static i64 minor_faults(void)
{
	long usage[18];				/* two timevals, then maxrss, ixrss, idrss, isrss, minflt */
	sys(__NR_getrusage, 1, usage);
	return usage[8];
}
/*
 * RSS as /proc shows it lags: up to 6.1 a thread hands its counts over now and then, later
 * each CPU does when it has gathered a batch. Zapping many pages at once hands all over.
 */
static void flush_rss(void)
{
	for (int i = 0; i < 2; i++) {
		word at = i ? SCRATCH_SHARED : SCRATCH, bytes = flush_pages * page;
		if (sys(__NR_madvise, at, bytes, 23) < 0)	/* MADV_POPULATE_WRITE, from 5.14 */
			for (word p = 0; p < bytes; p += page) *(volatile u8 *)(at + p) = 1;
		sys(__NR_madvise, at, bytes, MADV_DONTNEED);
	}
}

/* ---- signals: a guarded access ends with the signal as its result ---- */

static void on_signal(int sig)
{
	u32 s = stack_here();
	if (s < NSTACKS && guard[s].armed) {
		guard[s].armed = 0;
		jump(guard[s].regs, sig);
	}
	sys(__NR_exit_group, 100 + sig);
}
static void catch_signals(void)
{
	struct { void *handler; word flags; void *restorer; u32 mask[2]; } a = { (void *)on_signal, SA_NODEFER | SA_RESTORER, (void *)restorer, { 0, 0 } };
	sys(__NR_rt_sigaction, SIGSEGV, &a, 0, 8);
	sys(__NR_rt_sigaction, SIGBUS, &a, 0, 8);
	a.handler = (void *)1;			/* SIG_IGN */
	sys(__NR_rt_sigaction, SIGPIPE, &a, 0, 8);
}

static void access_memory(const struct insn *in, const i64 *v, volatile struct result *out)
{
	u32 s = stack_here();
	volatile u8 *at = (volatile u8 *)(word)v[0];
	volatile word done = 0;
	volatile i64 value = 0;
	int sig = save(guard[s].regs);
	if (sig) {
		out->aux = (u32)done;
		out->signal = (u8)sig;
		out->value = sig;
		out->state = STATE_SIGNAL;
		return;
	}
	guard[s].armed = 1;
	switch (in->op) {
	case OP_LOAD:				/* 0x84: the result of a call that was left in memory */
		value = in->imm == 0x84 ? *(volatile int *)at : in->imm == 1 ? *at : in->imm == 2 ? *(volatile u16 *)at
			: in->imm == 8 ? *(volatile i64 *)at : (i64)*(volatile u32 *)at;
		break;
	case OP_STORE:
		if (in->imm == 1) *at = (u8)v[1];
		else if (in->imm == 2) *(volatile u16 *)at = (u16)v[1];
		else if (in->imm == 8) *(volatile i64 *)at = v[1];
		else *(volatile u32 *)at = (u32)v[1];
		break;
	case OP_TOUCH:				/* one word a page; a store writes the page's index */
		for (word n = (word)v[1], p = 0; p < n; p += page, done++) {
			if (in->imm) *(volatile u32 *)(at + p) = (u32)done;
			else (void)*(volatile u32 *)(at + p);
		}
		break;
	case OP_FILL:
		for (word n = (word)v[1], p = 0; p < n; p++, done++) at[p] = (u8)v[2];
		break;
	case OP_AWAIT:				/* until the word and a mask equal a value; at most so many ms */
		for (u32 began = now_ms(); (*(volatile u32 *)at & (u32)v[1]) != (u32)v[2]; nap(5)) {
			if (now_ms() - began < (u32)v[3]) continue;
			value = -ETIMEDOUT;
			break;
		}
		break;
	}
	guard[s].armed = 0;
	out->value = value;
	const int answers = in->op == OP_AWAIT || (in->imm == 0x84 && in->op == OP_LOAD);
	put(&out->state, answers && value < 0 ? STATE_ERRNO : STATE_OK);
}

/* ---- reading text files ---- */

/* Copies a path; \1 and an actor's byte stand for its pid, \2 and two bytes for a result's value. */
static void make_path(char *to, const u8 *from)
{
	char *end = to + 200;
	while (*from && to < end - 1) {
		if (*from == 1) { to = print(to, end, "%u", control->pid[from[1] % MAX_ACTORS]); from += 2; }
		else if (*from == 2) { to = print(to, end, "%u", (u32)results[from[1] | (u32)(from[2] - 1) << 8].value); from += 3; }
		else *to++ = (char)*from++;
	}
	*to = 0;
}
static u64 hex(const char **at)
{
	u64 v = 0;
	for (;; (*at)++) {
		char c = **at;
		if (c >= '0' && c <= '9') v = v << 4 | (u64)(c - '0');
		else if (c >= 'a' && c <= 'f') v = v << 4 | (u64)(c - 'a' + 10);
		else return v;
	}
}
/*
 * Whether a test asks for a line: of a list of mappings only those of the one that holds
 * `address` (0: all), and lines that begin with one of `keep` (empty: all). `*inside` says
 * whether the lines at hand are of that mapping (1), and in the end that it has passed (2).
 */
static int wanted(const char *line, u32 n, u64 address, const char *keep, u32 *inside)
{
	u64 from = 0;
	const char *c = line;
	if (address) from = hex(&c);
	if (address && *c == '-') {
		c++;
		*inside = from <= address && address < hex(&c) ? 1 : *inside ? 2 : 0;
	}
	if (*inside != 1 || !*keep) return *inside == 1;
	for (u32 len; *keep; keep += len + (keep[len] == '\n')) {
		for (len = 0; keep[len] && keep[len] != '\n';) len++;
		if (len <= n && same(line, keep, len)) return 1;
	}
	return 0;
}
/*
 * arguments: path, most bytes to keep, address or 0, lines to keep. Text is never cut off in silence: where there is
 * more than that it fails with EMSGSIZE.
 */
static i64 read_file(u32 me, const i64 *v, volatile struct result *out)
{
	char path[208], chunk[4096], *to = (char *)STREAMS + (word)me * prog->stream_bytes + control->used[me];
	u32 room = prog->stream_bytes - control->used[me], most = (u64)v[1] < room ? (u32)v[1] : room;
	u32 kept = 0, line = 0, inside = !v[2];
	const int all = !v[2] && !v[3];
	const char *keep = v[3] ? (const char *)(word)v[3] : "";
	make_path(path, (const u8 *)(word)v[0]);
	int fd = open_at(path, O_RDONLY);
	if (fd < 0) return fd;
	long n = 0;
	while (inside != 2 && kept < most && kept + line < room
	       && (n = sys(__NR_read, fd, all ? to + kept : chunk, all ? most - kept : sizeof chunk)) > 0) {
		if (all) kept += (u32)n;
		for (long i = 0; !all && i < n && inside != 2 && kept + line < room; i++) {
			to[kept + line++] = chunk[i];
			if (chunk[i] != '\n') continue;
			if (wanted(to + kept, line, (u64)v[2], keep, &inside)) kept += line;
			line = 0;
		}
	}
	/* A file that ends exactly here ends all the same. */
	if (n > 0 && inside != 2 && all) n = sys(__NR_read, fd, chunk, 1);
	close_fd(fd);
	if (n < 0) return n;
	if (n > 0 && inside != 2) return -EMSGSIZE;
	out->aux = control->used[me];
	control->used[me] += kept;
	return kept;
}
/* arguments: address, bytes: puts memory into the stream */
static i64 show(u32 me, const i64 *v, volatile struct result *out)
{
	word room = prog->stream_bytes - control->used[me], n = (word)v[1] < room ? (word)v[1] : room;
	memcpy((void *)(STREAMS + (word)me * prog->stream_bytes + control->used[me]), (void *)(word)v[0], n);
	out->aux = control->used[me];
	control->used[me] += (u32)n;
	return (i64)n;
}

/* ---- actors ---- */

static void actor_loop(u32 me);

static void set_up_memory(u32 me)
{
	for (u32 who = 0; who < prog->nactors; who++) {
		if (!shares_memory(who, me)) continue;
		map(data_of(who), prog->data_bytes, MAP_PRIVATE);
		memcpy((void *)data_of(who), initial, prog->data_init);
		hold(data_of(who), data_of(who) + prog->data_bytes, 1);
		hold(STREAMS + (word)who * prog->stream_bytes, STREAMS + ((word)who + 1) * prog->stream_bytes, 1);
		if (who != me) hold((word)stacks[who + 1], (word)stacks[who + 1] + STACK, 1);
	}
	hold_all(me);
}
void begin(u32 me)
{
	if (actors[me].kind != KIND_THREAD) sys(__NR_prctl, 1, SIGKILL);	/* PR_SET_PDEATHSIG: the supervisor is the parent of all */
	control->pid[me] = (u32)sys(__NR_gettid);
	control->used[me] = 0;
	hold_all(me);
	put(&control->born[me], 1);
	futex_wake_all(&control->born[me]);
	actor_loop(me);
}

static i64 spawn(u32 me, u32 child, int thread)
{
	put(&control->alive[child], 1);
	i64 pid;
	if (thread) {
		word *top = (word *)(stacks[child + 1] + STACK - 64);
		top[-1] = top[-2] = child;	/* one would do, but stacks keep 16 bytes */
		pid = thread_clone(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, (word)(top - 2));
	} else {
		/* The supervisor is to be the parent of all, so that it sees every death. */
		pid = sys(__NR_clone, CLONE_PARENT | SIGCHLD, 0);
		if (pid == 0) {
			for (u32 who = 0; who < prog->nactors; who++)
				if (shares_memory(who, me)) sys(__NR_munmap, data_of(who), prog->data_bytes);
			set_up_memory(child);
			begin(child);
		}
	}
	if (pid < 0) {
		put(&control->alive[child], 0);
		return pid;
	}
	control->pid[child] = (u32)pid;
	while (!get(&control->born[child])) futex_wait_for(&control->born[child], 0, 100);
	hold_all(me);
	return 0;
}
/* `how` is 1, or 1 + the signal that the process is to die of. */
static void vanish(u32 me, int how)
{
	if (how > 1) sys(__NR_kill, control->pid[me], how - 1);
	sys(actors[me].kind == KIND_THREAD ? __NR_exit : __NR_exit_group, 0);
}
static void leave(u32 me)
{
	control->dying = control->pid[me];
	for (u32 who = 0; who < prog->nactors; who++) {
		if (who == me || (actors[me].kind != KIND_THREAD && shares_memory(who, me))) put(&control->alive[who], 0);
	}
}
/* An exit counts as done when its memory and files are gone, which is when its pidfd says so. */
static void await_death(void)
{
	u32 pid = control->dying;
	if (!pid) return;
	int fd = (int)sys(__NR_pidfd_open, pid, 0);
	if (fd >= 0) {
		struct span t = span(5000);
		poll_in(fd, &t);
		close_fd(fd);
	} else nap(20);
	control->dying = 0;
}

static int run_one(u32 me, u32 index)
{
	const int counted = (prog->flags & PROGRAM_COUNTED) != 0;
	u64 began = 0;
	const struct insn *in = &insns[index];
	volatile struct result *out = &results[index];
	i64 v[7], r = 0;
	control->at[me] = index + 1;
	for (int i = 0; i < 4; i++) {
		if (in->need[i] && get(&results[in->need[i] - 1].state) != STATE_OK) {
			put(&out->state, STATE_SKIPPED);
			return 0;
		}
	}
	for (int i = 0; i < 7; i++) {
		const struct arg *a = &in->arg[i];
		v[i] = a->value;
		if (a->kind == ARG_RESULT) v[i] += results[a->index].value;
		else if (a->kind == ARG_DATA) v[i] += (i64)data_of(me);
		else if (a->kind == ARG_PID) v[i] += control->pid[a->index];
	}
	if (counted) began = machine_counter();
	switch (in->op) {
	case OP_SYS:
		r = sys((long)in->imm, v[0], v[1], v[2], v[3], v[4], v[5]);
		if (r < -4095) r = (i64)(word)r;	/* an address in the upper half of 32 bits */
		break;
	case OP_PATH: make_path((char *)(word)v[0], (const u8 *)(word)v[1]); break;
	case OP_READ: r = read_file(me, v, out); break;
	case OP_CALC:
		r = v[0] & v[1];
		r = v[2] < 0 ? (i64)((u64)r >> -v[2]) : (i64)((u64)r << v[2]);
		r = in->imm ? r - v[3] : r + v[3];
		break;
	case OP_SHOW: r = show(me, v, out); break;
	case OP_FAULTS: hold_all(me); minflt_base[stack_here()] = minor_faults(); break;
	case OP_FAULTS_SINCE: r = minor_faults() - minflt_base[stack_here()]; break;
	case OP_SETTLE:				/* what these cost us is no part of a count under way */
	case OP_FORK:
	case OP_THREAD: {
		i64 before = minor_faults();
		if (in->op == OP_SETTLE) { hold_all(me); flush_rss(); }
		else r = spawn(me, in->imm, in->op == OP_THREAD);
		minflt_base[stack_here()] += minor_faults() - before;
		break;
	}
	case OP_EXIT: leave(me); put(&out->state, STATE_OK); return 1 + (int)in->imm;
	default: access_memory(in, v, out);
	}
	if (counted) counts[index] = machine_counter() - began;
	if ((in->op >= OP_LOAD && in->op <= OP_FILL) || in->op == OP_AWAIT) return 0;
	out->value = r;
	/* Calls fail with -4095..-1; a computed value may be anything. */
	put(&out->state, r < 0 && r > -4096 && in->op != OP_CALC ? STATE_ERRNO : STATE_OK);
	return 0;
}
static u32 end_of(u32 pc) { return insns[pc].op == OP_PARALLEL ? insns[pc].imm : pc + 1; }
static int lives(u32 who) { return get(&control->alive[who]) != 0; }

/* Hands the turn on. Steps of actors that are gone, or never came to be, are passed over. */
static void turn_over(u32 next)
{
	while (next < prog->ninsns) {
		const struct insn *in = &insns[next];
		int anyone = 0;
		if (in->op == OP_PARALLEL) { for (int i = 0; i < in->nargs; i++) anyone |= lives(in->arg[i].kind); }
		else anyone = lives(in->actor);
		if (anyone) break;
		for (u32 i = next; i < end_of(next); i++) results[i].state = STATE_SKIPPED;
		next = end_of(next);
	}
	put(&control->pc, next);
	futex_wake_all(&control->pc);
	if (next >= prog->ninsns) {
		put(&control->finished, 1);
		futex_wake_all(&control->finished);
	}
}
static void run_parallel(u32 me, u32 pc)
{
	const struct insn *in = &insns[pc];
	u32 branches = 0, mine = in->nargs;
	for (u32 i = 0; i < in->nargs; i++) {
		branches += (u32)lives(in->arg[i].kind);
		if (in->arg[i].kind == me) mine = i;
	}
	if (mine == in->nargs) { futex_wait_for(&control->pc, pc, 1000); return; }
	u32 chance = (prog->seed + control->round * 2654435761u) ^ (me + 1) * 40503u;
	if (prog->flags & PROGRAM_PINNED) sys(__NR_sched_setaffinity, 0, sizeof all_cpus, all_cpus);
	/* All asleep until the last one is here, then all awake together; but never long, CPUs may be few. */
	u32 here = __atomic_add_fetch(&control->entered, 1, __ATOMIC_SEQ_CST);
	if (here == branches) futex_wake_all(&control->entered);
	for (u32 spins = 0; (here = get(&control->entered)) < branches; spins++) if (spins > 300) futex_wait_for(&control->entered, here, 100);
	__atomic_fetch_add(&control->set, 1, __ATOMIC_SEQ_CST);
	for (u32 spins = 1; get(&control->set) < branches && spins < 10000; spins++) if (spins % 1000 == 0) sys(__NR_sched_yield);
	int gone = 0;
	for (u32 i = in->arg[mine].index; i < (u32)in->arg[mine].value && !gone; i++) {
		/* Few CPUs show few orders by themselves: yield here and spin there. */
		chance ^= chance << 13; chance ^= chance >> 17; chance ^= chance << 5;
		if ((chance & 3) == 1) sys(__NR_sched_yield);
		if ((chance & 3) == 2) for (u32 n = chance >> 16 & 2047; n; n--) __asm__ volatile("");
		gone = run_one(me, i);
	}
	if (__atomic_add_fetch(&control->left, 1, __ATOMIC_SEQ_CST) == branches) {
		control->entered = control->set = control->left = 0;
		turn_over(in->imm);
	} else if (!gone) {
		while (get(&control->pc) == pc) futex_wait_for(&control->pc, pc, 1000);
	}
	if (gone) vanish(me, gone);
}
static void actor_loop(u32 me)
{
	for (;;) {
		u32 pc = get(&control->pc);
		if (pc < prog->ninsns && insns[pc].op == OP_PARALLEL) {
			await_death();
			run_parallel(me, pc);
		} else if (pc < prog->ninsns && insns[pc].actor == me) {
			await_death();
			int gone = run_one(me, pc);
			turn_over(pc + 1);
			if (gone) vanish(me, gone);
		} else {
			futex_wait_for(&control->pc, pc, 1000);
		}
		/* A test does not outlive the one who would clean up after it. */
		if (sys(__NR_kill, control->supervisor, 0) == -ESRCH) sys(__NR_exit_group, 1);
	}
}

/* ---- the supervisor: rounds ---- */

/*
 * Whether a process has died, and how, as wait4 says it. It is not reaped before the end of the round: what another
 * actor is told about a process that has exited does not depend on when we look.
 */
static int died(u32 pid, u32 *how)
{
	int info[32] = { 0 };			/* siginfo: signo, errno, code, from a word's boundary on pid, uid, status */
	const int *child = info + 3 + (sizeof(word) == 8);
	if (sys(__NR_waitid, 1, pid, info, 0x01000005, 0) < 0 || !child[0]) return 0;	/* P_PID; WNOWAIT, WEXITED, WNOHANG */
	const int exited = info[2] == 1, dumped = info[2] == 3;		/* CLD_EXITED, CLD_DUMPED */
	*how = exited ? (u32)(child[2] & 255) << 8 : (u32)child[2] | (dumped ? 0x80u : 0);
	return 1;
}
static int unexpected_death(u32 *how)
{
	for (u32 who = 0; who < prog->nactors; who++)
		if (actors[who].kind != KIND_THREAD && control->pid[who] && lives(who) && died(control->pid[who], how) && lives(who)) return 1;
	return 0;
}
/* Waits for the end of a round; gives ROUND_*. */
static u32 await_round(u32 limit_ms, u32 *how)
{
	u32 began = now_ms();
	while (!get(&control->finished)) {
		futex_wait_for(&control->finished, 0, 50);
		if (!get(&control->finished) && unexpected_death(how)) return ROUND_DIED;
		if (now_ms() - began > limit_ms && !get(&control->finished)) return ROUND_TIMEOUT;
	}
	return ROUND_DONE;
}
/* Kills and reaps all; 0 when something does not die within five seconds. */
static int clear_away(u32 group)
{
	u32 began = now_ms();
	u64 child = 1ull << (SIGCHLD - 1);
	struct span tick = span(20);
	for (;;) {
		long pid;
		sys(__NR_kill, -(long)group, SIGKILL);
		while ((pid = sys(__NR_wait4, -1, 0, 1, 0)) > 0) { }
		if (pid == -ECHILD) return 1;
		if (now_ms() - began > 5000) return 0;
		sys(__NR_rt_sigtimedwait, &child, 0, &tick, 8);
	}
}
static u32 start_round(u32 round)
{
	u32 group = 0;
	memset((void *)SHARED, 0, sizeof(struct turns));
	memset((void *)results, 0, prog->ninsns * sizeof(struct result));
	if (prog->flags & PROGRAM_COUNTED) memset((void *)counts, 0, prog->ninsns * sizeof *counts);
	control->round = round;
	control->supervisor = (u32)sys(__NR_getpid);
	control->pc = prog->ninsns;		/* nobody's turn before all are there */
	for (u32 who = 0; who < prog->nactors; who++) {
		if (actors[who].kind != KIND_PROCESS) continue;
		control->alive[who] = 1;
		long pid = sys(__NR_clone, SIGCHLD, 0);
		if (pid == 0) {
			sys(__NR_setpgid, 0, group);
			sys(__NR_prctl, 0x59616d61, -1, 0, 0);	/* PR_SET_PTRACER: others of the test may look */
			set_up_memory(who);
			begin(who);
		}
		if (pid < 0) return group;
		control->pid[who] = (u32)pid;
		if (!group) group = (u32)pid;
		sys(__NR_setpgid, pid, group);
	}
	for (u32 who = 0; who < prog->nactors; who++) {
		for (int i = 0; actors[who].kind == KIND_PROCESS && !get(&control->born[who]) && i < 50; i++) futex_wait_for(&control->born[who], 0, 100);
	}
	turn_over(0);
	return group;
}

/* One round as it goes out: the fixed part, results, counts if they are wanted, then the bytes that files gave. */
struct round { u32 count, outcome, how, pc, stream, at[MAX_ACTORS], pad; };

static int gives_bytes(u32 i)
{
	return (insns[i].op == OP_READ || insns[i].op == OP_SHOW) && results[i].state == STATE_OK;
}
static word write_round(u8 *to, word room, u32 outcome, u32 how)
{
	struct round *head = (struct round *)to;
	struct result *rs = (struct result *)(head + 1);
	const word counted = prog->flags & PROGRAM_COUNTED ? prog->ninsns * sizeof *counts : 0;
	u8 *stream = (u8 *)(rs + prog->ninsns) + counted;
	word needed = sizeof *head + prog->ninsns * sizeof *rs + counted;
	for (u32 i = 0; i < prog->ninsns; i++) if (gives_bytes(i)) needed += (word)results[i].value;
	if (room < needed) return 0;
	memset(head, 0, sizeof *head);
	head->count = 1;
	head->outcome = outcome;
	head->how = how;
	if (outcome != ROUND_DONE) {
		head->pc = control->pc;
		for (int i = 0; i < MAX_ACTORS; i++) head->at[i] = control->at[i];
	}
	memcpy(rs + prog->ninsns, (const void *)counts, counted);
	for (u32 i = 0; i < prog->ninsns; i++) {
		memcpy(&rs[i], (const void *)&results[i], sizeof *rs);
		if (insns[i].flags & FLAG_VOLATILE && rs[i].state == STATE_OK) rs[i].value = 0;
		if (!gives_bytes(i)) continue;
		memcpy(stream + head->stream, (u8 *)STREAMS + (word)insns[i].actor * prog->stream_bytes + rs[i].aux, (word)rs[i].value);
		rs[i].aux = head->stream;
		head->stream += (u32)rs[i].value;
	}
	u32 end = (u32)(stream + head->stream - to), padded = (end + 7) & ~7u;
	memset(to + end, 0, padded - end);
	return padded;
}

struct summary { u32 version, ninsns, rounds, distinct; u64 taint_before, taint_after; u32 flags, ms; };

/* To the CPU that we are on, or to all; it lasts from Program to Program. */
static void pin(u32 wanted)
{
	static u32 pinned;
	u8 one[sizeof all_cpus] = { 0 };
	u32 cpu = 0;
	if (pinned == wanted) return;
	pinned = wanted;
	sys(__NR_getcpu, &cpu, 0, 0);
	one[cpu / 8 % sizeof one] = (u8)(1 << cpu % 8);
	sys(__NR_sched_setaffinity, 0, sizeof one, wanted ? one : all_cpus);
}
/* Equal rounds are counted, not sent again. */
static word run_program(u8 *out)
{
	struct summary *sum = (struct summary *)out;
	u8 *end = out + sizeof *sum;
	static u32 starts[1024], hashes[1024];
	u32 began = now_ms();
	/* Actors inherit it, until they run in parallel: counters kept per CPU are exact, a turn costs no interrupt. */
	pin(prog->flags & PROGRAM_PINNED);
	memset(sum, 0, sizeof *sum);
	sum->version = 1;
	sum->ninsns = prog->ninsns;
	sum->flags = prog->flags & PROGRAM_COUNTED;
	sum->taint_before = taint();
	/* Shared pages are the machine's: all are there before a test looks at what the machine has. */
	hold(STREAMS, STREAMS + (word)prog->nactors * prog->stream_bytes, 1);
	while (sum->rounds < prog->rounds) {
		u32 how = 0;
		u32 group = start_round(sum->rounds);
		u32 outcome = await_round(prog->round_ms, &how);
		word bytes = sum->distinct < 1024 ? write_round(end, OUT + OUT_BYTES - (word)end - 64, outcome, how) : 0;
		int cleared = !group || clear_away(group);
		if (!bytes) break;		/* full: what is here stands, the host may ask for more */
		sum->rounds++;
		u32 hash = 2166136261u, k = 0;
		for (word i = 4; i < bytes; i++) hash = (hash ^ end[i]) * 16777619u;
		for (k = 0; k < sum->distinct; k++) {
			u8 *old = out + starts[k];
			if (hashes[k] == hash && same(old + 4, end + 4, bytes - 4)) { ++*(u32 *)old; break; }
		}
		if (k == sum->distinct) {
			starts[k] = (u32)(end - out);
			hashes[k] = hash;
			sum->distinct++;
			end += bytes;
		}
		if (!cleared) { sum->flags |= 1; break; }
		if (outcome != ROUND_DONE || now_ms() - began > prog->budget_ms) break;
	}
	sum->taint_after = taint();
	sum->ms = now_ms() - began;
	return (word)(end - out);
}
/* A reason to refuse, or null. What is not checked here a kernel refuses, or the actor dies of. */
static const char *accept(u8 *at, u32 n)
{
	prog = (struct header *)at;
	if (n < sizeof *prog || prog->magic != 0x31504d4c || prog->version != 1) return "not a Program of version 1";
	if (!prog->nactors || prog->nactors > MAX_ACTORS || prog->ninsns > MAX_INSNS) return "too many actors or instructions";
	u32 skip = (prog->nactors * sizeof(struct actor) + 7) & ~7u;
	actors = (struct actor *)(at + sizeof *prog);
	insns = (struct insn *)(at + sizeof *prog + skip);
	initial = (u8 *)(insns + prog->ninsns);
	if (n != sizeof *prog + skip + prog->ninsns * sizeof(struct insn) + (u64)prog->data_init) return "its length does not fit its header";
	if (prog->data_init > prog->data_bytes || prog->data_bytes > DATA_STRIDE) return "too much data";
	if ((u64)prog->stream_bytes * prog->nactors > STREAMS_BYTES || prog->stream_bytes > 1u << 22) return "too much stream";
	for (u32 i = 0; i < prog->nactors; i++) if (actors[i].kind > KIND_THREAD || actors[i].parent >= prog->nactors) return "a bad actor";
	for (u32 i = 0; i < prog->ninsns; i++) {
		const struct insn *in = &insns[i];
		if (in->op >= OP_COUNT || in->actor >= prog->nactors || in->nargs > 7) return "a bad instruction";
		if ((in->op == OP_FORK || in->op == OP_THREAD) && in->imm >= prog->nactors) return "a bad child";
		if (in->op == OP_PARALLEL && (in->imm <= i || in->imm > prog->ninsns)) return "a bad section";
		for (int k = 0; k < 4; k++) if (in->need[k] > i) return "an instruction that needs a later one";
		for (int k = 0; k < in->nargs; k++) {
			const struct arg *a = &in->arg[k];
			if (in->op == OP_PARALLEL ? a->kind >= prog->nactors || a->index <= i || a->value > in->imm
			    : a->kind > ARG_PID || a->index >= (a->kind == ARG_PID ? prog->nactors : prog->ninsns + 1)) return "a bad argument";
		}
	}
	return 0;
}

/* ---- frames, see packages/linux/src/frame.ts ---- */

enum { HELLO = 1, READY, RUN, RESULT, PING, PONG, ERROR };
#define MAGIC 0x4d4c
struct frame { u16 magic; u8 type, flags; u32 seq, bytes, crc; };
static u32 crc_table[256];
static int in_fd, out_fd;

static u32 crc32(u32 crc, const u8 *at, word n)
{
	if (!crc_table[1]) for (u32 i = 0; i < 256; i++) {
		u32 c = i;
		for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
		crc_table[i] = c;
	}
	crc = ~crc;
	while (n--) crc = crc_table[(crc ^ *at++) & 255] ^ crc >> 8;
	return ~crc;
}
static void send_bytes(const u8 *at, word n)
{
	while (n) {
		long done = sys(__NR_write, out_fd, at, n);
		if (done > 0) { at += done; n -= (word)done; }
		else if (done == -EAGAIN || done == -EINTR || (is_init && done <= 0)) nap(2);
		else sys(__NR_exit_group, 0);
	}
}
static void send_frame(u8 type, u32 seq, const void *payload, u32 n)
{
	struct frame f = { MAGIC, type, 0, seq, n, 0 };
	f.crc = crc32(crc32(0, (u8 *)&f, 12), payload, n);
	send_bytes((u8 *)&f, sizeof f);
	send_bytes(payload, n);
}
/* Names in a folder, each after `prefix`. */
static char *list_devices(char *at, char *end, const char *folder, const char *prefix)
{
	u8 entries[4096];
	long n;
	int fd = open_at(folder, O_RDONLY | O_DIRECTORY);
	while (fd >= 0 && (n = sys(__NR_getdents64, fd, entries, sizeof entries)) > 0) {
		for (u8 *e = entries; e < entries + n; e += *(u16 *)(e + 16)) {	/* ino, off, u16 length, u8 type, name */
			const char *name = (const char *)e + 19;
			if (name[0] != '.' && !same(name, "tty", 3) && !same(name, "loop", 4)) at = print(at, end, "device=%s%s\n", prefix, name);
		}
	}
	if (fd >= 0) close_fd(fd);
	return at;
}
/* Kilobytes of page tables that we have, as VmPTE shows them. */
static u32 table_kilobytes(void)
{
	char text[4096], *c = text;
	u32 v = 0;
	if (read_whole("/proc/self/status", text, sizeof text) < 0) return 0;
	while (*c && !same(c, "VmPTE:", 6)) c++;
	while (*c && (*c < '0' || *c > '9')) c++;
	for (; *c >= '0' && *c <= '9'; c++) v = v * 10 + (u32)(*c - '0');
	return v;
}
/* What one more page table weighs: says which form of page tables a 32-bit kernel has. */
static u32 weigh_table(void)
{
	u32 before = table_kilobytes();
	map(LONE, page, MAP_PRIVATE);
	*(volatile u8 *)LONE = 1;
	u32 after = table_kilobytes();
	sys(__NR_munmap, LONE, page);
	return after - before;
}
static void send_ready(u32 seq)
{
	char *text = (char *)OUT, names[6][65], *end = text + 16384;
	sys(__NR_uname, names);
	char *at = print(text, end, "release=%s\nversion=%s\nmachine=%s\npage=%u\ntable=%u\ncpus=%u\npid=%u\ntaint=%u\n%s", names[2], names[3], names[4],
			 (u32)page, weigh_table(), cpus, (u32)sys(__NR_getpid), (u32)taint(), notes);
	at = list_devices(at, end, "/dev", "");
	at = list_devices(at, end, "/dev/dma_heap", "dma_heap/");
	at = list_devices(at, end, "/dev/vfio", "vfio/");
	send_frame(READY, seq, text, (u32)(at - text));
}
static void leave_machine(void)
{
	if (is_init) {
		sys(__NR_sync);
		sys(__NR_reboot, 0xfee1dead, 672274793, 0x4321fedc, 0);
	}
	sys(__NR_exit_group, 0);
}
static void serve(const struct frame *f, u8 *payload)
{
	const char *wrong;
	switch (f->type) {
	case HELLO: send_ready(f->seq); break;
	case PING: send_frame(PONG, f->seq, payload, f->bytes); break;
	case RUN:
		if (f->bytes > PROGRAM_BYTES) { send_frame(ERROR, f->seq, "the Program is too long", 23); break; }
		memcpy((void *)PROGRAM, payload, f->bytes);
		program_bytes = f->bytes;
		wrong = accept((u8 *)PROGRAM, f->bytes);
		if (wrong) send_frame(ERROR, f->seq, wrong, (u32)length(wrong));
		else send_frame(RESULT, f->seq, (void *)OUT, (u32)run_program((u8 *)OUT));
		sys(__NR_madvise, OUT + 65536, OUT_BYTES - 65536, MADV_DONTNEED);
		break;
	default: send_frame(ERROR, f->seq, "unknown frame", 13);
	}
}
/* Takes whole frames from the front; passes over anything else. Gives the bytes left. */
static word take_frames(u8 *rx, word n, int give_up)
{
	struct frame f;
	word at = 0;
	while (n - at >= sizeof f) {
		memcpy(&f, rx + at, sizeof f);
		int plausible = f.magic == MAGIC && f.type >= HELLO && f.type <= ERROR && !f.flags && f.bytes <= PAYLOAD_LIMIT;
		if (plausible && n - at < sizeof f + f.bytes && !give_up) break;
		if (!plausible || n - at < sizeof f + f.bytes) { at++; continue; }
		if (crc32(crc32(0, rx + at, 12), rx + at + sizeof f, f.bytes) != f.crc) {
			send_frame(ERROR, f.seq, "checksum", 8);
			at++;
			continue;
		}
		serve(&f, rx + at + sizeof f);
		at += sizeof f + f.bytes;
	}
	if (give_up) { send_frame(ERROR, 0, "incomplete", 10); return 0; }
	for (word i = 0; i < n - at; i++) rx[i] = rx[at + i];
	return n - at;
}
static void __attribute__((noreturn)) serve_forever(void)
{
	u8 *rx = (u8 *)RX;
	word have = 0;
	for (;;) {
		struct span t = span(2000);
		if (poll_in(in_fd, have ? &t : 0) == 0) { have = take_frames(rx, have, 1); continue; }
		long n = sys(__NR_read, in_fd, rx + have, RX_BYTES - have < 65536 ? RX_BYTES - have : 65536);
		if (n > 0) have = take_frames(rx, have + (word)n, 0);
		else if (is_init) nap(3);	/* nobody at the other end of the port yet, or no longer */
		else if (n != -EINTR && n != -EAGAIN) leave_machine();
	}
}

/* ---- pid 1 ---- */

static void mount(const char *what, const char *where)
{
	sys(__NR_mkdirat, AT_FDCWD, where, 0755);
	long r = sys(__NR_mount, what, where, what, 0, 0, 0);
	if (r < 0 && r != -EBUSY) note("mount", where, r);
}
/* /modules: path and parameters of each, both with a zero at the end. */
static void load_modules(void)
{
	char *list = (char *)OUT, *params;
	long n = read_whole("/modules", list, 65536);
	for (char *path = list; path < list + n; path = params + length(params) + 1) {
		params = path + length(path) + 1;
		int fd = open_at(path, O_RDONLY);
		long r = fd < 0 ? fd : sys(__NR_finit_module, fd, params, 0);
		if (r < 0 && r != -EEXIST) note("module", path, r);
		if (fd >= 0) close_fd(fd);
	}
}
static int find_port(void)
{
	char path[64], name[64];
	for (u32 n = 0; n < 64; n++) {
		print(path, path + sizeof path, "/sys/class/virtio-ports/vport%up%u/name", n / 8, n % 8);
		if (read_whole(path, name, sizeof name) < 0 || !same(name, "litmap", 6)) continue;
		print(path, path + sizeof path, "/dev/vport%up%u", n / 8, n % 8);
		return open_at(path, O_RDWR);
	}
	return -1;
}
static int open_serial(void)
{
	u8 t[64] = { 0 };			/* struct termios: four flag words, then line discipline and control characters */
	u32 *flag = (u32 *)t;
	int fd = open_at("/dev/ttyS1", O_RDWR | O_NOCTTY);
	if (fd < 0) return fd;
	if (sys(__NR_ioctl, fd, 0x5401, t) < 0) { close_fd(fd); return -1; }
	flag[0] = flag[1] = flag[3] = 0;
	flag[2] = 0x18b0 | 0x1002;		/* CS8 CREAD CLOCAL, 115200 */
	t[17 + 6] = 1;				/* VMIN */
	sys(__NR_ioctl, fd, 0x5402, t);
	return fd;
}
static void be_init(void)
{
	mount("proc", "/proc");
	mount("sysfs", "/sys");
	mount("devtmpfs", "/dev");
	mount("debugfs", "/sys/kernel/debug");
	mount("tmpfs", "/tmp");
	int console = (int)sys(__NR_openat, AT_FDCWD, "/dev/console", O_RDWR, 0);
	for (int i = 0; i < 3 && console >= 0; i++) if (console != i) sys(__NR_dup3, console, i, 0);
	load_modules();
	int fd = -1;
	for (int i = 0; i < 200 && fd < 0; i++) {	/* a port appears a little after its driver */
		fd = find_port();
		if (fd < 0 && i >= 20) fd = open_serial();
		if (fd < 0) nap(10);
	}
	if (fd < 0) { sys(__NR_write, 2, "litmap: no port named litmap and no ttyS1\n", 42); leave_machine(); }
	in_fd = out_fd = fd;
	send_ready(0);
}
/* Finds our image. Takes the vdso away: it may lie where tests map, and nothing here uses it. */
static void read_own_maps(void)
{
	char *maps = (char *)OUT;
	u32 n = 0;
	if (read_whole("/proc/self/maps", maps, 65536) <= 0) return;
	for (const char *c = maps; *c; c++) {
		word from = (word)hex(&c);
		c++;
		word to = (word)hex(&c);
		if (to <= SHARED && n < 8) {
			image[n].from = from;
			image[n].to = to;
			image[n++].writable = c[2] == 'w';
		}
		while (*c != '\n' && *c != '[') c++;
		if (same(c, "[v", 2)) sys(__NR_munmap, from, to - from);	/* [vdso], [vvar], … */
		while (*c != '\n') c++;
	}
}
void supervise(word *stack)
{
	u64 child = 1ull << (SIGCHLD - 1);
	word *at = stack + 1 + stack[0] + 1;
	while (*at++) { }			/* arguments, environment; then the auxiliary vector */
	for (page = 4096; *at; at += 2) if (*at == 6) page = at[1];	/* AT_PAGESZ */
	sys(__NR_madvise, stacks, sizeof stacks, MADV_DONTDUMP);
	if (map(SHARED, SHARED_BYTES, MAP_SHARED) != SHARED || map(OUT, OUT_BYTES, MAP_PRIVATE) != OUT || map(RX, RX_BYTES, MAP_PRIVATE) != RX
	    || map(SCRATCH, SCRATCH_PAGES * page, MAP_PRIVATE) != SCRATCH || map(SCRATCH_SHARED, SCRATCH_PAGES * page, MAP_SHARED) != SCRATCH_SHARED) {
		sys(__NR_write, 2, "executor: no memory at its fixed addresses\n", 43);
		sys(__NR_exit_group, 3);
	}
	sys(__NR_madvise, OUT, OUT_BYTES, MADV_DONTFORK);
	sys(__NR_madvise, RX, RX_BYTES, MADV_DONTFORK);
	*(volatile u8 *)SCRATCH = *(volatile u8 *)SCRATCH_SHARED = 1;
	sys(__NR_rt_sigprocmask, 0, &child, 0, 8);
	catch_signals();
	is_init = sys(__NR_getpid) == 1;
	out_fd = 1;
	sys(__NR_sched_getaffinity, 0, sizeof all_cpus, all_cpus);
	for (u32 i = 0; i < sizeof all_cpus * 8; i++) cpus += all_cpus[i / 8] >> i % 8 & 1;
	flush_pages = 4 * (cpus > 16 ? cpus : 16) + 8;	/* twice the batch, which is 32 or twice the CPUs */
	if (flush_pages > SCRATCH_PAGES) flush_pages = SCRATCH_PAGES;
	hold(SCRATCH_SHARED, SCRATCH_SHARED + flush_pages * page, 1);
	if (is_init) be_init();
	else sys(__NR_prctl, 36, 1, 0, 0);	/* PR_SET_CHILD_SUBREAPER */
	read_own_maps();
	serve_forever();
}
