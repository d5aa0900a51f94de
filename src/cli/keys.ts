/** `coalmine keys`: draws signing keys, lists which verify, and tells which one a token is signed by. */
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { nameKey } from '../domain/canary.ts';
import { partialToken } from '../domain/token.ts';
import { readIdentity } from '../store/restored.ts';
import { forgetKey, readSigningKeys } from '../store/signing-keys.ts';
import { loadConfig } from './lib/config.ts';
import { CliError, EXIT, type ExitCode, usageError, worst } from './lib/exit.ts';
import { fileFault } from './lib/files.ts';
import { fingerprint, keyringOf, newKey, signingKeysOf } from './lib/keys.ts';
import { columns, note, writeJson, writeLine } from './lib/output.ts';
import { withStore } from './lib/store.ts';
import { addVerb, ends, withConfig } from './lib/verb.ts';

const TOKENS_MAX = 1_000;

export const keys = (program: Command): void => {
  const group = program
    .command('keys')
    .summary('draw signing keys, list which verify, check tokens')
    .description(
      'Signing keys make a canary’s name unforgeable. The first listed signs, all listed verify: to change keys, put the new one first, and drop the old one once its canaries are past `retention`.',
    );
  generate(group);
  list(group);
  verify(group);
  forget(group);
};

const generate = (group: Command): void => {
  addVerb(group, 'generate', {
    summary: 'draw a key',
    purpose: 'Draws a key of 256 random bits and prints it, or writes it to a file that only you may read.',
    example: [
      'coalmine keys generate --out coalmine.key',
      `Then name it in coalmine.yaml: signing_keys: ["\${file:coalmine.key}"].`,
    ],
    exits: { [EXIT.good]: 'drawn' },
  })
    .option('-o, --out <file>', 'write it there; a file that exists is never overwritten')
    .action(
      ends(async ({ out, json }: { out?: string; json?: boolean }) => {
        const key = newKey();
        if (out !== undefined) {
          await writeFile(out, `${key}\n`, { flag: 'wx', mode: 0o600 }).catch(error => {
            throw usageError(`${fileFault(error, out)}: name another file`);
          });
        }
        const shown = { fingerprint: fingerprint(key), ...(out === undefined ? { key } : { file: out }) };
        if (json) await writeJson(shown);
        else if (out === undefined) await writeLine(key);
        else await writeLine(`${out}: a key with the fingerprint ${shown.fingerprint}`);
        return EXIT.good;
      }),
    );
};

interface ConfigOptions {
  readonly config: string;
  readonly json?: boolean;
}

const list = (group: Command): void => {
  withConfig(
    addVerb(group, 'list', {
      summary: 'which keys and epochs verify',
      purpose:
        'Lists the keys that verify tokens, by their fingerprints, with the store’s id and epochs. A key itself is never printed.',
      example: ['coalmine keys list', 'Compare the fingerprints of two replicas: they must sign alike.'],
      exits: {
        [EXIT.good]: 'there is a key that signs',
        [EXIT.unknown]: 'the store can’t be asked for its id and epochs',
      },
    }),
  ).action(
    ends(async (options: ConfigOptions) => {
      const config = await loadConfig(options.config);
      const { keys, from } = await signingKeysOf(config);
      const identity = await withStore(config, s => readIdentity(s.sql)).catch(error => {
        if (!(error instanceof CliError)) throw error;
        note(`coalmine: ${error.message}`);
        return undefined;
      });
      const rows = keys.map((key, i) => ({
        fingerprint: fingerprint(key),
        characters: key.length,
        signs: i === 0,
        verifies: true,
      }));
      const store = identity && {
        id: identity.storeId,
        epochs: identity.epochs,
        signing_epoch: identity.epochs.at(-1),
      };
      if (options.json) await writeJson({ from, keys: rows, store: store ?? null });
      else {
        await writeLine(`keys from ${from}:`);
        for (const r of rows)
          await writeLine(
            `  ${r.fingerprint}  ${r.characters} characters  ${r.signs ? 'signs and verifies' : 'verifies'}`,
          );
        if (rows.length === 0)
          await writeLine('  none yet: the embedded store draws one when it first starts');
        if (store)
          await writeLine(
            `store ${store.id}: epochs ${store.epochs.join(', ')} verify, ${store.signing_epoch} signs`,
          );
      }
      return store && rows.length > 0 ? EXIT.good : EXIT.unknown;
    }),
  );
};

const verify = (group: Command): void => {
  withConfig(
    addVerb(group, 'verify', {
      summary: 'by which key a token is signed',
      purpose:
        'Tells of each token (or UUID) which canary it names, and by which key and epoch it is signed.',
      example: [
        'coalmine keys verify coalmine1aaaaa…',
        'target.slot.index of the canary, or that the token is forged.',
      ],
      exits: {
        [EXIT.good]: 'all are valid',
        [EXIT.bad]: 'one is forged, or no token at all',
        [EXIT.unknown]: 'the store can’t be asked for its id and epochs',
      },
    }),
  )
    .argument('<token...>', 'whole tokens or UUIDs')
    .action(
      ends(async (tokens: readonly string[], options: ConfigOptions) => {
        if (tokens.length > TOKENS_MAX)
          throw usageError(`expected at most ${TOKENS_MAX} tokens: use \`coalmine scan\``);
        const config = await loadConfig(options.config);
        const { keys } = await signingKeysOf(config);
        const identity = await withStore(config, s => readIdentity(s.sql));
        if (!identity || keys.length === 0)
          throw new CliError(EXIT.unknown, 'this store has signed nothing yet: start it with `coalmine run`');
        const keyring = keyringOf({ keys, storeId: identity.storeId, epochs: identity.epochs });
        const found = tokens.map(token => {
          const v = keyring.verify(token);
          const name = v.kind === 'malformed' ? null : nameKey(v.name);
          const signed = v.kind === 'valid' ? { key: fingerprint(keys[v.keyIndex]!), epoch: v.epoch } : {};
          return { token: partialToken(token), verdict: v.kind, name, ...signed };
        });
        if (options.json) await writeJson(found);
        else {
          const rows = found.map(f => [
            f.token,
            f.verdict,
            f.name ?? '-',
            'key' in f ? `key ${f.key}, epoch ${f.epoch}` : '',
          ]);
          await writeLine(columns(rows));
        }
        return worst(found.map((f): ExitCode => (f.verdict === 'valid' ? EXIT.good : EXIT.bad)));
      }),
    );
};

const forget = (group: Command): void => {
  withConfig(
    addVerb(group, 'forget', {
      summary: 'give a key up that nobody has any more',
      purpose:
        'Gives up a key that signed canaries and is in nobody’s configuration any more: lost, or withdrawn because somebody else knows it. Canaries that it signed and that are still open become unproven, since they can’t be told from forgeries. Without this, `coalmine run` refuses to start.',
      example: ['coalmine keys forget 3f2a90c1d4e5', 'The fingerprint is in what `coalmine run` says.'],
      exits: { [EXIT.good]: 'forgotten', [EXIT.unknown]: 'the store can’t be reached' },
    }),
  )
    .argument('<fingerprint>', '12 hexadecimal digits')
    .action(
      ends(async (print: string, options: ConfigOptions) => {
        const config = await loadConfig(options.config);
        const { keys, from } = await signingKeysOf(config);
        if (keys.some(key => fingerprint(key) === print))
          throw usageError(`the key ${print} is in ${from}: take it out there first`);
        await withStore(config, async ({ sql }) => {
          if (await forgetKey(sql, print)) return;
          const known = (await readSigningKeys(sql)).map(k => k.fingerprint);
          throw usageError(`this store knows no key ${print}: it knows ${known.join(', ') || 'none'}`);
        });
        const says = 'what it signed and is still open counts as unproven';
        await (options.json ? writeJson({ forgotten: print }) : writeLine(`forgot ${print}: ${says}`));
        return EXIT.good;
      }),
    );
};
