/** Records that come to us: nothing is looked for, they are posted to `/ingest/PIPELINE/CHECKPOINT`. */
import { z } from 'zod';
import { secret } from '../adapters/settings.ts';
import { defineObserver } from '../contracts/define.ts';

const schema = z.strictObject({
  body_bytes_max: z
    .int()
    .min(1024)
    .max(268_435_456)
    .default(8_388_608)
    .describe('Bytes of one request, decompressed, at most; a longer one is answered 413 and is a gap'),
  key: secret
    .optional()
    .describe('A key of this checkpoint alone, for senders that should post nowhere else'),
});

export default defineObserver({
  kind: 'receive',
  summary: 'Takes what is posted to /ingest: webhooks, forwarders, HTTP outputs of shippers',
  schema,
  runtimes: ['node', 'workerd'],
  traits: { way: 'receive', ingestTime: false, settleMs: 30_000, keepsMs: 7 * 86_400_000 },
  create: () => ({ close: async () => undefined }),
});
