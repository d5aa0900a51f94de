/** What the demo is made of: a lab with an archive on disk, an identity provider, and the configuration that watches them. */
import { createHmac } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { formatDiagnostics } from '../../config/format.ts';
import { parseConfig } from '../../config/load.ts';
import type { Log } from '../../contracts/context.ts';
import { createLab, type Lab } from '../../lab/lab.ts';
import { registry } from '../../registry.gen.ts';
import { createClock } from '../clock.ts';
import type { Front } from '../node/front.ts';
import { keptSecret } from '../node/secret-file.ts';
import { type Archive, openArchive } from './archive.ts';
import {
  CACHE_RECORDS,
  CLIENT_ID,
  CLIENT_SECRET,
  demoYaml,
  EXPORT_KEY,
  IDP_AGENT,
  NOTICE_SECRET,
  SSH_AGENTS,
  urlsOf,
} from './config.ts';
import { type Desk, type DeskNotice, openDesk } from './desk.ts';
import { type IdentityProvider, openIdentityProvider } from './identity-provider.ts';

export interface DemoParts {
  readonly lab: Lab;
  readonly idp: IdentityProvider;
  readonly config: Config;
  readonly desk: Desk;
}

export interface PartsOptions {
  readonly front: Front;
  readonly dataDir: string;
  readonly log: Log;
  readonly webhook?: { readonly url: string; readonly secret?: string };
  readonly hear: (notice: DeskNotice) => void;
}

export async function openParts(options: PartsOptions): Promise<DemoParts> {
  const { front, dataDir, log, webhook, hear } = options;
  const secret = await keptSecret(dataDir, 'demo-key');
  const derived = (what: string) => createHmac('sha256', secret).update(what).digest('hex');
  const [exportKey, clientSecret] = [derived('export'), derived('oidc client')];
  const noticeSecret = `whsec_${Buffer.from(derived('notices'), 'hex').toString('base64')}`;
  const urls = urlsOf(front.url);
  const archive = await openArchive(join(dataDir, 'lab'));
  const idp = await openIdentityProvider({
    issuer: urls.issuer,
    client: { id: CLIENT_ID, secret: clientSecret },
    agentUrl: urls.agent(IDP_AGENT),
    log,
  });
  const yaml = demoYaml({
    url: front.url,
    dataDir,
    authLog: archive.authLog,
    ...(webhook ? { webhook } : {}),
  });
  await writeFile(join(dataDir, 'coalmine.yaml'), yaml, { mode: 0o644 });
  const parsed = parseConfig(yaml, {
    file: join(dataDir, 'coalmine.yaml'),
    env: { [EXPORT_KEY]: exportKey, [CLIENT_SECRET]: clientSecret, [NOTICE_SECRET]: noticeSecret },
    registry,
  });
  if (!parsed.config)
    throw new Error(`the demo's own configuration is wrong:\n${formatDiagnostics(parsed.diagnostics)}`);
  return {
    lab: openLab(front, archive, exportKey),
    idp,
    config: parsed.config,
    desk: openDesk(noticeSecret, { now: Date.now, hear }),
  };
}

const openLab = (front: Front, archive: Archive, exportKey: string): Lab =>
  createLab({
    clock: createClock({ unref: true }),
    random: Math.random,
    fetch: globalThis.fetch,
    baseUrl: front.url,
    agents: [...SSH_AGENTS, IDP_AGENT],
    cacheRecords: CACHE_RECORDS,
    dispatchEveryMs: 500,
    recordsMax: 60_000,
    canariesMax: 20_000,
    archive: line => archive.append(line),
    exportTo: { url: urlsOf(front.url).export, key: exportKey },
  });
