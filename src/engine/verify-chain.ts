/**
 * Verifying the record: every link of the hash chain recomputed, what the rollups say held against their newest links, and
 * against the single canaries that are still kept. Reads only, as of one moment.
 */
import { hashOf, linkHash, unexplained } from '../domain/chain.ts';
import {
  type ChainOwner,
  type LinkRow,
  readLinks,
  readOwners,
  readRollups,
  readStoreId,
  type SealedRollup,
} from '../store/chain-read.ts';
import type { Sql, Tx } from '../store/open.ts';
import { snapshot } from '../store/read.ts';
import type { FoundHead, Verified, VerifiedChain, VerifyOptions } from './verified.ts';
import { Faults, says } from './verify-faults.ts';
import { checkMarks } from './verify-marks.ts';

export type * from './verified.ts';

const HOUR_MS = 3_600_000;

/** @throws only what the database throws: whatever stands in the tables is a finding, not an error. */
export async function verifyChain(sql: Sql, options: VerifyOptions): Promise<Verified> {
  return await snapshot(sql, async tx => {
    await tx`set local statement_timeout = 0`;
    const storeId = await readStoreId(tx);
    const owners = (await readOwners(tx)).filter(o => options.only?.includes(o.name) ?? true);
    const chains: VerifiedChain[] = [];
    let head: FoundHead | null = null;
    for (const owner of owners) {
      const verified = await verifyOne(tx, owner, storeId ?? '', options);
      chains.push(verified.chain);
      head ??= verified.head;
    }
    const ok = chains.every(c => c.ok) && (options.head === undefined || head !== null);
    return {
      ok,
      asOfMs: options.nowMs,
      storeId,
      chains,
      ...(options.head === undefined ? {} : { head }),
    };
  });
}

/** The newest link of each hour. */
type Latest = Map<string, LinkRow>;
const keyOf = (r: { readonly checkpoint: number; readonly hour_ms: number }): string =>
  `${r.checkpoint} ${r.hour_ms}`;

async function verifyOne(
  tx: Tx,
  owner: ChainOwner,
  storeId: string,
  options: VerifyOptions,
): Promise<{ chain: VerifiedChain; head: FoundHead | null }> {
  const faults = new Faults(owner);
  const walked = await walkLinks(tx, owner, storeId, faults, options);
  const rollups = await holdRollups(tx, owner, walked.latest, faults, options);
  const checked = await checkMarks(tx, owner, rollups.all, faults, options);
  const { last, first } = walked;
  const hours = [...walked.latest.values()].map(l => l.hour_ms);
  const span = hours.reduce<{ fromMs: number; toMs: number } | null>(
    (s, ms) => ({ fromMs: Math.min(s?.fromMs ?? ms, ms), toMs: Math.max(s?.toMs ?? 0, ms + HOUR_MS) }),
    null,
  );
  const isWhole = first === null || first.number === 1;
  const chain: VerifiedChain = {
    pipeline: { id: owner.id, name: owner.name },
    ok: faults.count === 0,
    head: last?.hash ?? null,
    number: last?.number ?? 0,
    sealedMs: last?.sealed_ms ?? null,
    links: walked.recomputed,
    revisions: walked.revisions,
    anchor: isWhole ? null : { number: first.number, sealedMs: first.sealed_ms },
    span,
    unsealed: rollups.unsealed,
    checked,
    ...faults.told(),
  };
  return { chain, head: walked.found };
}

async function walkLinks(
  tx: Tx,
  owner: ChainOwner,
  storeId: string,
  faults: Faults,
  { head, nowMs, retention }: VerifyOptions,
) {
  const ids = new Map(owner.checkpoints.map(c => [c.number, c.id]));
  const latest: Latest = new Map();
  let first: LinkRow | null = null;
  let last: LinkRow | null = null;
  let found: FoundHead | null = null;
  let recomputed = 0;
  let revisions = 0;
  for await (const page of readLinks(tx, owner.number)) {
    for (const link of page) {
      const fault = (what: string) => faults.add({ ...link, link: link.number, what });
      first ??= link;
      if (link.number !== (last === null ? first.number : last.number + 1))
        fault(`the links from ${(last?.number ?? 0) + 1} to ${link.number - 1} are gone`);
      if (last === null && link.number !== 1) {
        // The oldest that is kept: what its hash was made from is gone, as it should be.
        if (link.number < 1 || link.hour_ms > nowMs - retention.rollupsMs + HOUR_MS)
          fault(`the links before number ${link.number} are gone, though their hours should still be kept`);
      } else {
        recomputed++;
        const content = {
          storeId,
          pipeline: owner.id,
          checkpoint: ids.get(link.checkpoint) ?? '',
          number: link.number,
          hourMs: link.hour_ms,
          sealedMs: link.sealed_ms,
          counts: link.counts,
          delaysHash: link.delays_hash,
        };
        if (linkHash(last?.hash ?? null, content) !== link.hash)
          fault(`link ${link.number} is not what its hash was made from`);
      }
      const before = latest.get(keyOf(link));
      if (before) {
        revisions++;
        const wrong = unexplained(before.counts, link.counts, { livedTwice: owner.round > 0 });
        if (wrong !== null)
          fault(`link ${link.number} revises link ${before.number} as no evidence could: ${wrong}`);
      }
      latest.set(keyOf(link), link);
      if (head !== undefined && link.hash === head.toLowerCase())
        found = { pipeline: owner.name, number: link.number, sealedMs: link.sealed_ms };
      last = link;
    }
  }
  return { latest, first, last, found, recomputed, revisions };
}

/** What the rollups say, held against their newest links. */
async function holdRollups(
  tx: Tx,
  owner: ChainOwner,
  latest: Latest,
  faults: Faults,
  { nowMs, retention }: VerifyOptions,
): Promise<{ all: Map<string, SealedRollup>; unsealed: number }> {
  const all = new Map<string, SealedRollup>();
  let unsealed = 0;
  for await (const page of readRollups(tx, owner.number)) {
    for (const rollup of page) {
      all.set(keyOf(rollup), rollup);
      if (!rollup.sealed && rollup.hour_ms <= nowMs - HOUR_MS) unsealed++;
      const link = latest.get(keyOf(rollup));
      const wrong = rollupFault(rollup, link, owner.round > 0);
      if (wrong !== null) faults.add({ ...rollup, link: link?.number ?? null, what: wrong });
    }
  }
  for (const [key, link] of latest) {
    if (all.has(key) || link.hour_ms <= nowMs - retention.rollupsMs + HOUR_MS) continue;
    faults.add({ ...link, link: link.number, what: 'it was sealed, and its rollup is gone' });
  }
  return { all, unsealed };
}

function rollupFault(rollup: SealedRollup, link: LinkRow | undefined, livedTwice: boolean): string | null {
  if (!link) return rollup.sealed ? 'it is marked as sealed, and no link speaks of it' : null;
  const differs = says(link.counts, rollup.counts, `in link ${link.number}`, 'in the rollup');
  if (rollup.sealed) {
    if (differs !== '') return `its counts are not those that were sealed: ${differs}`;
    return hashOf(rollup.delays) === link.delays_hash ? null : 'its delays are not those that were sealed';
  }
  const wrong = unexplained(link.counts, rollup.counts, { livedTwice });
  return wrong === null ? null : `it was changed after link ${link.number} as no evidence could: ${wrong}`;
}
