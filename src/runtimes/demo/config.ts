/** The demo's coalmine.yaml: an ordinary configuration, read like any other, so that it can be copied from. */

/** Agents of the SSH pipeline, and the one that ships the identity provider's audit log. */
export const SSH_AGENTS = ['web-1', 'web-2', 'web-3', 'web-4'] as const;
export const IDP_AGENT = 'idp';
/** Each agent's cache: an hour of its canaries. */
export const CACHE_RECORDS = 1_800;
export const CLIENT_ID = 'coalmine-demo';
/** Names of the variables that the configuration takes its secrets from. */
export const EXPORT_KEY = 'COALMINE_DEMO_EXPORT_KEY';
export const CLIENT_SECRET = 'COALMINE_DEMO_CLIENT_SECRET';
export const NOTICE_SECRET = 'COALMINE_DEMO_NOTICE_SECRET';

/** The lab's parts as others reach them. */
export const urlsOf = (url: string) => ({
  agent: (name: string) => `${url}/lab/agents/${name}/logs`,
  intake: `${url}/lab/intake/app`,
  search: `${url}/lab/search`,
  issuer: `${url}/lab/oidc`,
  export: `${url}/ingest/app-sign-ins/export`,
  desk: (who: string) => `${url}/demo/notices/${who}`,
});

const text = (value: string): string => JSON.stringify(value);

export function demoYaml(at: {
  readonly url: string;
  readonly dataDir: string;
  readonly authLog: string;
  /** A receiver of the user's own. */
  readonly webhook?: { readonly url: string; readonly secret?: string };
}): string {
  const own = at.webhook ? ', yours' : '';
  const told = `objective: { on_time: 99.9%, delivered: 99.9% }
    notify: { loss: [desk${own}], ours: [crew${own}] }`;
  const urls = urlsOf(at.url);
  return `# What \`coalmine demo\` runs. The lab, which is broken on purpose, answers under ${at.url}/lab.
store: { kind: embedded, data_dir: ${text(at.dataDir)} }
listen: ${new URL(at.url).host}
base_url: ${at.url}

pipelines:
  ssh-to-loki:
    title: SSH sign-ins → archive → Loki
    every: 2s
    ${told}
    send_within: 2s
    targets:
${SSH_AGENTS.map(name => `      ${name}: { url: ${text(urls.agent(name))} }`).join('\n')}
    event: { format: sshd, user: canary }
    inject: { kind: http, timeout: 5s }
    checkpoints:
      - name: archive
        observe: { kind: file, path: ${text(at.authLog)} }
        on_time_within: 5s
        lost_after: 20s
        look_every: 1s
        keeps: 2h
        holds: 1h # what an agent's cache takes of its canaries
      - name: loki
        after: archive
        observe: { kind: loki, url: ${text(at.url)}, query: '{job="auth", host=~"web-.*"}', timeout: 5s }
        on_time_within: 6s
        lost_after: 25s
        look_every: 1s
        settle: 1s
        keeps: 2h

  app-sign-ins:
    title: App sign-ins → SIEM and export
    every: 2500ms
    ${told}
    send_within: 2s
    targets: [tenant-a, tenant-b]
    event: { format: ocsf, user: canary@example.com }
    inject: { kind: http, url: ${text(urls.intake)}, timeout: 5s }
    checkpoints:
      - name: search
        observe:
          kind: http
          url: ${text(urls.search)}
          method: POST
          body: { job: app, prefix: "{{prefix}}", by: "{{time_field}}", from: "{{from_ms}}", to: "{{to_ms}}", page_size: "{{page_size}}", after: "{{cursor}}" }
          by: { ingest: ingest, event: event }
          records: hits
          text: source
          record_id: id
          ingested_at: { path: ingested_at }
          event_time: { path: event_time }
          paging: { kind: cursor, path: next }
          page_size: 1000
          timeout: 5s
        on_time_within: 5s
        lost_after: 20s
        look_every: 1s
        settle: 1s
        keeps: 2h
      - name: export
        after: source
        observe: { kind: receive, key: "\${${EXPORT_KEY}}" }
        on_time_within: 5s
        lost_after: 20s
        look_every: 2s
        settle: 2s
        keeps: 2h

  oidc-sign-ins:
    title: OpenID sign-ins → audit log
    every: 3s
    ${told}
    send_within: 3s
    inject:
      kind: oidc-signin
      issuer: ${text(urls.issuer)}
      client_id: ${CLIENT_ID}
      client_secret: "\${${CLIENT_SECRET}}"
      correlation: [{ in: header, name: x-correlation-id }]
      timeout: 5s
    checkpoints:
      - name: audit-log
        observe: { kind: loki, url: ${text(at.url)}, query: '{job="auth", host="${IDP_AGENT}"}', timeout: 5s }
        at: correlation_id
        on_time_within: 6s
        lost_after: 25s
        look_every: 1s
        settle: 1s
        keeps: 2h

notify: # both end on this terminal
  desk: { kind: webhook, url: ${text(urls.desk('desk'))}, secret: "\${${NOTICE_SECRET}}" }
  crew: { kind: webhook, url: ${text(urls.desk('crew'))}, secret: "\${${NOTICE_SECRET}}" }
${at.webhook ? yours(at.webhook) : ''}`;
}

const yours = ({ url, secret }: { readonly url: string; readonly secret?: string }): string =>
  `  yours: { kind: webhook, url: ${text(url)}${secret === undefined ? '' : `, secret: ${text(secret)}`} }\n`;
