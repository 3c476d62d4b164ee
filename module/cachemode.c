// SPDX-License-Identifier: GPL-2.0 OR MIT
/* How the CPU reaches a page of a process: the memory type in its page-table entry. */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include "internal.h"

#ifdef CONFIG_X86_64

/* The layout of the PAT register that Linux sets up; an entry's bits are an index into it. */
static long mode_of(pgprotval_t bits, bool large, unsigned long pfn)
{
	bool pat = bits & (large ? _PAGE_PAT_LARGE : _PAGE_PAT);

	switch (bits & (_PAGE_PWT | _PAGE_PCD)) {
	case 0:
		return LITMAP_CACHED;
	case _PAGE_PWT:
		return LITMAP_WRITE_COMBINING;
	case _PAGE_PWT | _PAGE_PCD:
		if (pat)
			return LITMAP_WRITE_THROUGH;
		break;
	}
	return page_is_ram(pfn) ? LITMAP_UNCACHED : LITMAP_DEVICE;
}

/* Under the mmap lock: page tables stay, an entry may change meanwhile. */
static long look(struct mm_struct *mm, unsigned long address)
{
	pgd_t *pgd = pgd_offset(mm, address);
	p4d_t *p4d;
	pud_t *pud;
	pmd_t pmd;
	pte_t pte;

	if (pgd_none(*pgd))
		return LITMAP_UNMAPPED;
	p4d = p4d_offset(pgd, address);
	if (p4d_none(*p4d))
		return LITMAP_UNMAPPED;
	pud = pud_offset(p4d, address);
	if (pud_none(*pud) || pud_leaf(*pud))
		return LITMAP_UNMAPPED;
	pmd = READ_ONCE(*pmd_offset(pud, address));
	if (!pmd_present(pmd))
		return LITMAP_UNMAPPED;
	if (pmd_leaf(pmd))
		return mode_of(pmd_flags(pmd), true, pmd_pfn(pmd));
	pte = READ_ONCE(*((pte_t *)pmd_page_vaddr(pmd) + pte_index(address)));
	return pte_present(pte) ? mode_of(pte_flags(pte), false, pte_pfn(pte)) : LITMAP_UNMAPPED;
}

static long cache_mode(struct session *session, struct litmap_call *call)
{
	struct mm_struct *mm = mm_of(call->arg[0]);

	if (IS_ERR(mm))
		return PTR_ERR(mm);
	if (call->arg[1] >= TASK_SIZE_MAX) {
		mmput(mm);
		call->value = LITMAP_UNMAPPED;
		return 0;
	}
	mmap_write_lock(mm);
	call->value = look(mm, call->arg[1]);
	mmap_write_unlock(mm);
	mmput(mm);
	return 0;
}

#else

static long cache_mode(struct session *session, struct litmap_call *call)
{
	return -EOPNOTSUPP;
}

#endif

const call_fn mode_calls[LITMAP_OPS] = { [LITMAP_CACHE_MODE] = cache_mode };
