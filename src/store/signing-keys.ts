/**
 * Which keys sign, or have signed of late, on this store. A canary whose key nobody has any more can't be told from a
 * forgery, and would be called lost: so a configuration without such a key is refused, and forgetting one is deliberate.
 */

import type { Sql, Tx } from './open.ts';
import { INBOX_KINDS } from './sight.ts';

/** The signing keys don't fit this store or its other replicas. The message says what is missing and what to do. */
export class SigningKeyError extends Error {
  override readonly name = 'SigningKeyError';
}

export interface KnownKey {
  readonly fingerprint: string;
  readonly first_ms: number;
  /** It signed until here, give or take a minute. */
  readonly last_ms: number;
}

/** `noteKeys` comes once a minute, and a canary may leave some minutes after it was signed. */
const SLACK_MS = 5 * 60_000;

export const readSigningKeys = (sql: Sql | Tx): Promise<KnownKey[]> =>
  sql<KnownKey[]>`
    select fingerprint, first_ms, last_ms from signing_key order by last_ms desc, fingerprint`.then(rows => [
    ...rows,
  ]);

/**
 * Throws SigningKeyError where canaries could be taken for forged: those that a key signed which isn't among ours and is
 * needed for `lookBackMs` still, or ours by a replica that runs and doesn't know the key that we sign by.
 */
export async function admitKeys(
  sql: Sql,
  own: readonly string[],
  times: { readonly nowMs: number; readonly lookBackMs: number; readonly leaseMs: number },
): Promise<void> {
  const { nowMs, lookBackMs, leaseMs } = times;
  const neededUntil = (k: KnownKey): number => k.last_ms + lookBackMs + SLACK_MS;
  const missing = (await readSigningKeys(sql)).filter(
    k => !own.includes(k.fingerprint) && neededUntil(k) > nowMs,
  );
  const [first] = missing;
  if (first) {
    const which =
      missing.length === 1
        ? `the signing key ${first.fingerprint}`
        : `the signing keys ${missing.map(k => k.fingerprint).join(', ')}`;
    const until = new Date(Math.max(...missing.map(neededUntil))).toISOString().slice(0, 19);
    throw new SigningKeyError(
      `expected ${which}, by which canaries were signed until ${iso(first.last_ms)}, found only ${own.join(', ')}: ` +
        'without it they would count as forged, and so as lost. ' +
        `Add it to signing_keys as the second (or restore the store's file \`signing-key\`) until ${until}Z; ` +
        `or give it up with \`coalmine keys forget ${first.fingerprint}\`, and what it signed counts as unproven`,
    );
  }
  const signer = own[0] ?? '';
  const strangers = await sql<{ self: string }[]>`
    select self from replica
     where seen_ms > (extract(epoch from clock_timestamp()) * 1000)::int8 - ${leaseMs}::int8
       and keys is not null and not ${signer} = any(keys)
     order by self`;
  if (strangers.length === 0) return;
  throw new SigningKeyError(
    `expected every coalmine on this store to know the key ${signer} before one signs by it, found ${strangers.length} ` +
      `running without it (${strangers[0]?.self}): add it to signing_keys there as the second, restart, and then ` +
      'put it first here; or stop them (a killed one counts for 20 s)',
  );
}

const iso = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** Says that the first of these signs now, and that this replica verifies by all of them. */
export async function noteKeys(
  sql: Sql,
  own: readonly string[],
  by: { readonly self: string; readonly nowMs: number },
): Promise<void> {
  const { self, nowMs } = by;
  await sql`
    with r as (
      update replica set keys = array(select json_array_elements_text(${JSON.stringify(own)}::text::json))
       where self = ${self})
    insert into signing_key as k (fingerprint, first_ms, last_ms) values (${own[0] ?? ''}, ${nowMs}, ${nowMs})
    on conflict (fingerprint) do update set last_ms = greatest(k.last_ms, excluded.last_ms)`;
}

/**
 * Gives a key up. What it signed can't be told from forgeries from now on, so the time in which it signed becomes a gap:
 * its open canaries are unproven, not lost. False: no such key.
 */
export async function forgetKey(sql: Sql, fingerprint: string): Promise<boolean> {
  const done = await sql.begin(async tx => {
    const [key] = await tx<KnownKey[]>`
      delete from signing_key where fingerprint = ${fingerprint} returning fingerprint, first_ms, last_ms`;
    if (!key) return false;
    await tx`
      insert into sighting (pipeline, checkpoint, slot, target, index, kind, seen_ms, seen_after_ms, copies, look, detail)
      select pipeline, number, 0, 0, 0, ${INBOX_KINDS.indexOf('gap')}, ${key.last_ms + SLACK_MS}, ${key.first_ms - SLACK_MS},
             1, 0, ${JSON.stringify(`the signing key ${fingerprint} was given up`)}::text::jsonb
        from checkpoint where not retired`;
    return true;
  });
  return done === true;
}
