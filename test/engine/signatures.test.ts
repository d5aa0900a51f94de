/** A keyring that remembers answers as one that forgets; and canaries of other keys and generations are found and judged right. */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { CanaryName } from '../../src/domain/canary.ts';
import { createKeyring, type Keyring, type SignedBy } from '../../src/domain/token.ts';
import { remembering } from '../../src/engine/signatures.ts';
import { useDatabase } from '../support/database.ts';
import { Small, small } from '../support/small.ts';

const OLD = 'the-signing-key-before-0123456789';
const NEW = 'the-signing-key-of-now-0123456789';
const keys = { signingKeys: [NEW, OLD], storeId: 's', epochs: [1, 2] };

/** Few, so that they come again. */
const names = fc.record({
  target: fc.integer({ min: 1, max: 3 }),
  slot: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_004 }),
  index: fc.integer({ min: 0, max: 1 }),
});
const signers = fc.constantFrom<SignedBy | undefined>(
  undefined,
  { keyIndex: 0, epoch: 2 },
  { keyIndex: 0, epoch: 1 },
  { keyIndex: 1, epoch: 2 },
  { keyIndex: 1, epoch: 1 },
);
type Step =
  | { readonly do: 'sign'; readonly name: CanaryName; readonly by: SignedBy | undefined }
  | { readonly do: 'verify'; readonly text: string };
const maker = createKeyring(keys);
const foreign = createKeyring({ ...keys, storeId: 'another store' });
const texts = fc
  .tuple(names, signers, fc.constantFrom(maker, foreign), fc.integer({ min: 0, max: 4 }))
  .map(([name, by, keyring, form]) => {
    const { token, uuid } = keyring.sign(name, by);
    return [token, uuid, token.toUpperCase(), uuid.toUpperCase(), `${token.slice(0, 48)}${form}`][form] ?? '';
  });
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('sign' as const), name: names, by: signers }),
    fc.record({ do: fc.constant('verify' as const), text: texts }),
  ),
  { maxLength: 60 },
);
const answer = (keyring: Keyring, step: Step) =>
  step.do === 'sign' ? keyring.sign(step.name, step.by) : keyring.verify(step.text);

describe('remembering', () => {
  test('says what the keyring says, whatever was asked before and however little it remembers', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 8 }), (asked, size) => {
        const keyring = remembering(createKeyring(keys), 2, size);
        for (const step of asked) expect(answer(keyring, step)).toEqual(answer(maker, step));
      }),
      { numRuns: 300 },
    );
  });

  test('a name that its caller goes on to change is not what was signed', () => {
    const keyring = remembering(createKeyring(keys), 2);
    const name = { target: 1, slot: 1_700_000_000_000, index: 0 };
    const { token } = keyring.sign(name);
    name.index = 1;
    expect(keyring.verify(token)).toMatchObject({ name: { target: 1, slot: 1_700_000_000_000, index: 0 } });
    expect(keyring.sign(name)).toEqual(maker.sign(name));
  });

  test('a name that doesn’t fit is refused each time, and nothing is remembered of it', () => {
    const keyring = remembering(createKeyring(keys), 2);
    const bad = { target: 1, slot: 0, index: 0 };
    for (let i = 0; i < 2; i++) expect(() => keyring.sign(bad)).toThrow(RangeError);
  });

  test('signs no more than it must, and holds no more than twice its size', () => {
    let signed = 0;
    let verified = 0;
    const inner = createKeyring(keys);
    const counting: Keyring = {
      sign: (...args) => {
        signed++;
        return inner.sign(...args);
      },
      verify: text => {
        verified++;
        return inner.verify(text);
      },
    };
    const keyring = remembering(counting, 2, 10);
    const nameOf = (i: number) => ({ target: 1, slot: 1_700_000_000_000 + i, index: 0 });
    const tokens = Array.from({ length: 100 }, (_, i) => keyring.sign(nameOf(i)).token);
    for (const [i, token] of tokens.slice(-10).entries()) {
      keyring.verify(token);
      keyring.sign(nameOf(90 + i));
    }
    expect([signed, verified]).toEqual([100, 0]);
    for (const token of tokens) keyring.verify(token);
    expect(verified, 'forgotten ones are asked of the keyring').toBeGreaterThanOrEqual(80);
  });
});

describe('identity', () => {
  const db = useDatabase();
  let w: Small | undefined;
  afterEach(() => w?.close());

  /** Canaries of the first configuration that arrive under the second one; whatever else went out is kept as ever. */
  async function change(before: (config: string) => string, after: (config: string) => string) {
    w = new Small(db.options);
    const { sink } = w;
    const checkpoints = [
      `{ name: sink, observe: { kind: http, url: "http://sink/search?from={{from_ms}}&to={{to_ms}}&after={{cursor}}", by: { ingest: true }, paging: { kind: cursor, path: next }, records: hits, record_id: id, ingested_at: { path: at, unit: iso }, text: message }, on_time_within: 8s, lost_after: 20s, keeps: 1h, look_every: 1s, settle: 100ms }`,
    ];
    const config = small({ checkpoints });
    const first = await w.start(before(config));
    await w.run(4_000);
    sink.fate = () => 'dropped';
    const from = sink.taken.length;
    await w.run(3_000);
    await w.stop(first);
    const held = sink.taken.slice(from);
    sink.fate = () => 'kept';
    await w.start(after(config));
    await w.run(1_000);
    // One of them never arrives, one arrives changed, the others as they were sent.
    const [never, changed, ...whole] = held;
    for (const t of whole) sink.show(t.text);
    sink.show((changed?.text ?? '').replace(/port \d+/, 'port 1'));
    await w.run(26_000);
    const all = await w.verdicts();
    const by = (verdict: string) => all.filter(v => v.target !== 'drill' && v.verdict === verdict);
    expect(whole.length).toBeGreaterThan(2);
    expect(by('lost').length, `never: ${never?.atMs}`).toBe(1);
    expect(by('recovered').length + by('unproven').length + by('missed_here').length).toBe(0);
    const findings = await w.findings();
    expect(findings).not.toHaveProperty('forged');
    expect(findings).not.toHaveProperty('echo');
    expect(findings).not.toHaveProperty('orphan');
    expect(findings.altered).toBe(1);
    expect(w.errors()).toEqual([]);
  }
  const key = 'a-signing-key-for-tests-only';
  const keyed = (list: string) => (config: string) => config.replace(key, list);
  const format = (name: string) => (config: string) => config.replace('format: sshd', `format: ${name}`);

  test('what another signing key signed is its own event, intact or not', () =>
    change(keyed(OLD), keyed(`${NEW}, ${OLD}`)));

  test('what another generation wrote is its own event, intact or not', () =>
    change(
      c => c,
      c => format('ecs')(c).replace('user: canary', 'user: someone-else'),
    ));

  test('both at once', () => change(keyed(OLD), c => format('ocsf')(keyed(`${NEW}, ${OLD}`)(c))));
});
