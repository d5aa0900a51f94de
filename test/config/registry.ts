/** A registry of a few kinds, with schemas only: no adapter is ever made in these tests. */
import { z } from 'zod';
import type { RuntimeName } from '../../src/contracts/definition.ts';
import type { InjectorDefinition } from '../../src/contracts/injector.ts';
import type { NotifierDefinition } from '../../src/contracts/notifier.ts';
import type { ObserverDefinition, ObserverTraits } from '../../src/contracts/observer.ts';
import type { Registry } from '../../src/contracts/registry.ts';

const BOTH: readonly RuntimeName[] = ['node', 'workerd'];
const NODE: readonly RuntimeName[] = ['node'];
const never = (): never => {
  throw new Error('no adapter is made here');
};
const DAY_MS = 86_400_000;

const injector = (
  kind: string,
  schema: z.ZodType,
  runtimes = BOTH,
  events: 'written' | 'provoked' = 'written',
): InjectorDefinition => ({ kind, summary: kind, schema, runtimes, traits: { events }, create: never });

const observer = (
  kind: string,
  schema: z.ZodType,
  traits: Partial<ObserverTraits> = {},
  runtimes = BOTH,
): ObserverDefinition => ({
  kind,
  summary: kind,
  schema,
  runtimes,
  traits: { way: 'query', ingestTime: false, settleMs: 2000, keepsMs: 7 * DAY_MS, ...traits },
  create: never,
});

const url = z.url({ error: 'expected a URL' }).describe('Where.');
const secret = z.string().min(1).optional().meta({ writeOnly: true });

const injectors = [
  injector(
    'http',
    z.strictObject({ url, headers: z.record(z.string(), z.string()).optional(), bearer: secret }),
  ),
  injector('file', z.strictObject({ path: z.string().min(1) }), NODE),
  injector(
    'syslog',
    z.strictObject({
      address: z.string().regex(/^(tcp|udp|tls):\/\//, 'expected such as tcp://127.0.0.1:514'),
      facility: z.enum(['auth', 'authpriv']).default('authpriv'),
      watch: z.int().min(1).max(1000).default(20),
      verify: z.boolean().default(true),
      tls: z.strictObject({ ca_file: z.string(), server_name: z.string().optional() }).optional(),
    }),
    NODE,
  ),
  injector(
    'oidc-signin',
    z.strictObject({ issuer: url, client_id: z.string(), client_secret: secret }),
    BOTH,
    'provoked',
  ),
];

const observers = [
  observer('receive', z.strictObject({ key: secret }), { way: 'receive', settleMs: 0 }),
  observer('file', z.strictObject({ path: z.string().min(1) }), { way: 'follow', settleMs: 1000 }, NODE),
  observer(
    'loki',
    z.strictObject({
      url,
      query: z.string(),
      page_size: z.int().min(1).default(1000),
      bearer: secret,
      password: z
        .string()
        .refine(p => !p.includes('bad'), { error: issue => `the password ${issue.input} is bad` })
        .optional(),
    }),
    { ingestTime: true, settleMs: 5000 },
  ),
  observer('http', z.strictObject({ url })),
];

const pager: NotifierDefinition = {
  kind: 'pager',
  summary: 'pager',
  schema: z.strictObject({ key: secret.describe('Its key') }),
  runtimes: BOTH,
  traits: { repeatEveryMs: null },
  create: never,
};

export const registry: Registry = {
  injectors: new Map(injectors.map(d => [d.kind, d])),
  observers: new Map(observers.map(d => [d.kind, d])),
  notifiers: new Map([[pager.kind, pager]]),
};
