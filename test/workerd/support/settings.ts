/** The configurations of the suite, as values: JSON is YAML. */

export const KEY = 'a-key-of-the-workerd-suite';
export const INGEST_KEY = 'an-ingest-key-of-the-suite';

/** As the configuration names a variable of the Worker. */
const given = (name: string) => `\${${name}}`;

const common = (port: number) => ({
  store: given('HYPERDRIVE'),
  base_url: `http://127.0.0.1:${port}`,
  signing_keys: [given('COALMINE_KEY')],
  access: { keys: [{ name: 'suite', key: KEY, scopes: ['read', 'ingest', 'emit', 'write'] }] },
});

const search = (targetUrl: string) => ({
  kind: 'http',
  url: `${targetUrl}/search?from={{from_ms}}&to={{to_ms}}`,
  records: 'hits',
  text: 'message',
  record_id: 'id',
  event_time: { path: 'at', unit: 'ms' },
  complete: { path: 'complete', equals: true },
  paging: { kind: 'none' },
  page_size: 100_000,
});

/** A beat every two seconds, looked for by search and by push: the Durable Object's. */
export const bySecond = (port: number, targetUrl: string) => ({
  ...common(port),
  pipelines: {
    'sign-ins': {
      title: 'Sign-ins of the suite',
      every: '2s',
      event: { format: 'ocsf' },
      inject: { kind: 'http', url: `${targetUrl}/events` },
      checkpoints: [
        {
          name: 'search',
          observe: search(targetUrl),
          on_time_within: '3s',
          lost_after: '6s',
          settle: '0s',
          keeps: '1h',
          look_every: '1s',
        },
        {
          name: 'push',
          after: 'source',
          observe: { kind: 'receive', key: INGEST_KEY },
          on_time_within: '3s',
          lost_after: '6s',
          settle: '1s',
          keeps: '1h',
          look_every: '1s',
        },
      ],
    },
  },
});

/** What a tick a minute is enough for. */
export const byMinute = (port: number, targetUrl: string) => ({
  ...common(port),
  pipelines: {
    slow: {
      every: '1m',
      sampling: 'fixed',
      send_within: '90s',
      event: { format: 'ecs' },
      inject: { kind: 'http', url: `${targetUrl}/events` },
      checkpoints: [
        {
          name: 'search',
          observe: search(targetUrl),
          on_time_within: '3m',
          lost_after: '10m',
          settle: '0s',
          keeps: '1h',
        },
      ],
    },
  },
});
