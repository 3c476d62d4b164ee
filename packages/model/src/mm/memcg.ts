/** Memory cgroups (mm/memcontrol.c). */

/** struct mem_cgroup, as far as buffers are charged to it. */
export class Memcg {
  /** Bytes (page_counter). */
  charged = 0;
  constructor(readonly name: string) {}
}
