/** Notices: in order, none missing, repeated only under the same id, and saying what the store says. */
import type { Laws } from './laws-laws.ts';
import type { SimWorld } from './world.ts';

/** What the outbox has had time for in the calm. */
const DELIVERED_MS = 100_000;

interface Told {
  readonly incident: string;
  readonly notifier: string;
  readonly sequence: number;
  readonly event: string;
  readonly id: string;
  readonly body: string;
}

export function noticeLaws(): Laws {
  let read = 0;
  const known = new Map<string, Told>();
  /** The newest first arrival by incident and notifier. */
  const newest = new Map<string, Told>();
  return {
    async atStep(world) {
      const out: string[] = [];
      for (; read < world.notices.length; read++) {
        const told = toldBy(world, read);
        if (typeof told === 'string') out.push(told);
        if (!told || typeof told === 'string') continue;
        const before = known.get(`${told.notifier} ${told.id}`);
        if (before) {
          if (before.body !== told.body)
            out.push(`notice ${told.id} came twice to ${told.notifier}, with different words`);
          continue;
        }
        known.set(`${told.notifier} ${told.id}`, told);
        // A restored store numbers its incidents anew.
        if (world.restores.length === 0) out.push(...inOrder(newest, told));
        newest.set(`${told.notifier} ${told.incident}`, told);
      }
      return out;
    },
    async atEnd(world) {
      if (world.restores.length > 0) return [];
      return [...(await undelivered(world, known)), ...(await untold(world)), ...(await twins(world))];
    },
  };
}

function toldBy(world: SimWorld, i: number): Told | string | null {
  const notice = world.notices[i]!;
  if (notice.host !== 'hook') return null;
  const { data } = JSON.parse(notice.body) as { data: Omit<Told, 'notifier' | 'body'> };
  const id = notice.headers['webhook-id'];
  if (id !== data.id) return `webhook-id ${id} of notice ${data.id}`;
  return { ...data, notifier: notice.path.slice(1), body: notice.body };
}

function inOrder(newest: ReadonlyMap<string, Told>, told: Told): string[] {
  const before = newest.get(`${told.notifier} ${told.incident}`);
  const at = `${told.notifier} of incident ${told.incident}`;
  if (!before) return ['opened', 'summary'].includes(told.event) ? [] : [`${at} heard "${told.event}" first`];
  if (told.sequence <= before.sequence) return [`${at} heard ${told.sequence} after ${before.sequence}`];
  if (before.event === 'resolved' || before.event === 'summary')
    return [`${at} heard "${told.event}" after "${before.event}"`];
  return [];
}

interface Outgoing {
  readonly incident: number;
  readonly notifier: string;
  readonly sequence: number;
  readonly event: string;
  readonly state: string;
  readonly id: string;
  readonly created_ms: number;
}

async function undelivered(world: SimWorld, known: ReadonlyMap<string, Told>): Promise<string[]> {
  const rows = await world.sql<Outgoing[]>`
    select incident, notifier, sequence, event, state, notice->>'id' as id, created_ms from outbox`;
  const hasSteps = world.clockSteps.length > 0;
  const out: string[] = [];
  for (const r of rows) {
    const what = `notice ${r.sequence} (${r.event}) of incident ${r.incident} to ${r.notifier}`;
    const told = known.get(`${r.notifier} ${r.id}`);
    const ageMs = world.startMs + world.nowMs - r.created_ms;
    if (r.state === 'waiting' && ageMs > Math.min(DELIVERED_MS, world.plan.calmMs * 0.6) && !hasSteps)
      out.push(`${what} still waits after ${ageMs} ms`);
    if (r.state === 'sent' && !told) out.push(`${what} is said to be sent, and nobody heard it`);
    if (r.state === 'failed') out.push(`${what} was given up`);
  }
  return out;
}

/** Every incident of loss has been told of: that it opened, and once it has ended that too. */
async function untold(world: SimWorld): Promise<string[]> {
  const rows = await world.sql<
    { number: number; ended_ms: number | null; last: string | null; notifiers: number }[]
  >`
    select i.number, i.ended_ms,
           (select o.event from outbox o where o.incident = i.number order by o.sequence desc limit 1) as last,
           (select count(distinct o.notifier)::int from outbox o where o.incident = i.number) as notifiers
      from incident i where i.kind = 'loss' and i.detected_ms < ${world.startMs + world.nowMs - 30_000}`;
  return rows.flatMap(r => {
    const isOver = r.last === 'resolved' || r.last === 'summary';
    if (r.last === null) return [`nobody was told of incident ${r.number}`];
    return (r.ended_ms !== null) === isOver
      ? []
      : [
          `incident ${r.number} ${r.ended_ms === null ? 'goes on' : 'has ended'}, and the last word was "${r.last}"`,
        ];
  });
}

/** One cause, one incident: no two that are open are at the same hop. */
async function twins(world: SimWorld): Promise<string[]> {
  const rows = await world.sql<{ pipeline: number; hop: string; n: number }[]>`
    select pipeline, facts->'hop'->>'checkpoint' as hop, count(*)::int as n from incident
     where ended_ms is null and kind = 'loss' group by 1, 2 having count(*) > 1`;
  return rows.map(r => `${r.n} open incidents at the same hop, ${r.hop} of pipeline ${r.pipeline}`);
}
