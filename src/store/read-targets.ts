/** Verdicts by target: where a pipeline loses. Unnests the marks' arrays, so the caller bounds the span. */
import { VERDICTS } from '../domain/verdict.ts';
import type { Tx } from './open.ts';
import type { Span } from './read.ts';

export interface TargetSum {
  readonly span: number;
  readonly target: number;
  readonly name: string;
  readonly state: string;
  /** Place among its pipeline's targets, worst first, from 1. */
  readonly rank: number;
  /** Code of VERDICTS. */
  readonly verdict: number;
  readonly n: number;
  readonly seen_ms: number | null;
}

/** Bad in this order: a target with one loss stands before one with any number of late canaries. */
const BAD = ['lost', 'overdue', 'refused', 'late', 'unproven', 'missed_here'] as const;
const codeOf = (verdict: (typeof VERDICTS)[number]): number => VERDICTS.indexOf(verdict);

/** The `limit` worst targets of each pipeline, without drills and tests. */
export async function sumTargets(tx: Tx, spans: readonly Span[], limit: number): Promise<TargetSum[]> {
  if (spans.length === 0) return [];
  const badness = BAD.map(
    v => tx`(sum(g.n) filter (where g.verdict = ${codeOf(v)}::int)) desc nulls last`,
  ).reduce((list, order) => tx`${list}, ${order}`);
  return await tx<TargetSum[]>`
    with s as (
      select * from json_to_recordset(${JSON.stringify(spans)}::text::json)
        as x(span int, pipeline int, checkpoint int, from_ms int8, to_ms int8, step_ms int8)),
    g as (
      select s.span, m.pipeline, u.target, coalesce(u.verdict, 0)::int as verdict, count(*)::int as n,
             max(b.due_ms + u.seen) as seen_ms
        from s
        join mark m on m.pipeline = s.pipeline and m.checkpoint = s.checkpoint
                   and m.slot >= s.from_ms and m.slot < s.to_ms
        join beat b on b.pipeline = m.pipeline and b.slot = m.slot and b.part = m.part and b.kind <> 'test'
       cross join lateral unnest(b.targets, m.verdicts, m.seen_offs) as u(target, verdict, seen)
       group by 1, 2, 3, 4),
    r as (
      select g.pipeline, g.target, t.name, t.state,
             (row_number() over (partition by g.pipeline order by ${badness}, t.name))::int as rank
        from g join target t on t.pipeline = g.pipeline and t.number = g.target and t.state <> 'drill'
       group by g.pipeline, g.target, t.name, t.state)
    select g.span, g.target, r.name, r.state, r.rank, g.verdict, g.n, g.seen_ms
      from g join r using (pipeline, target)
     where r.rank <= ${limit}
     order by r.rank`;
}
