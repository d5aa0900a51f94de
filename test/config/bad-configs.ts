// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the config file are meant
import { expect } from 'vitest';
import { good } from './parse.ts';

/** One change to a good config, and exactly what is told of it: `line:column path: message`. */
const cp = 'pipelines.ssh.checkpoints';
export const badConfigs: readonly (readonly [name: string, text: string, ...told: string[]])[] = [
  [
    'unknown key',
    good({ 4: '    evry: 10s' }),
    '3:3 pipelines.ssh.every: expected every or cron, found nothing',
    '4:5 pipelines.ssh.evry: unknown key "evry"',
  ],
  [
    'duration',
    good({ 4: '    every: ten' }),
    '4:12 pipelines.ssh.every: expected a duration such as 10s, 5m or 1h30m, found "ten"',
  ],
  [
    'too often',
    good({ 4: '    every: 99ms' }),
    '4:12 pipelines.ssh.every: expected a duration of at least 100 ms, found "99ms"',
  ],
  [
    'no schedule',
    good({ 4: '    title: x' }),
    '3:3 pipelines.ssh.every: expected every or cron, found nothing',
  ],
  [
    'two schedules',
    good({ 4: '    every: 1s\n    cron: "* * * * * *"' }),
    '5:11 pipelines.ssh.cron: every and cron are both given',
  ],
  [
    'five cron fields',
    good({ 4: '    cron: "* * * * *"' }),
    '4:11 pipelines.ssh.cron: expected six cron fields: second minute hour day month weekday, found "* * * * *"',
  ],
  [
    'a cron that never fires',
    good({ 4: '    cron: "0 0 0 30 2 *"' }),
    '4:11 pipelines.ssh.cron: this cron expression never fires',
  ],
  [
    'a cron out of range',
    good({ 4: '    cron: "0 0 25 * * *"' }),
    '4:11 pipelines.ssh.cron: this cron expression cannot be kept: Invalid value for hour: 25',
  ],
  [
    'time zone',
    good({ 4: '    cron: "0 * * * * *"\n    timezone: Mars/Base' }),
    '5:15 pipelines.ssh.timezone: expected a time zone of the IANA list, such as Europe/Berlin or UTC, found "Mars/Base"',
  ],
  [
    'no targets',
    good({ 5: '    targets: []' }),
    '5:5 pipelines.ssh.targets: expected at least one target, found a list of 0',
  ],
  [
    'target twice',
    good({ 5: '    targets: [a, b, a]' }),
    '5:21 pipelines.ssh.targets[2]: the target "a" stands here twice',
  ],
  [
    'the drill',
    good({ 5: '    targets: { drill: {} }' }),
    '5:16 pipelines.ssh.targets.drill: "drill" stands for coalmine’s own rehearsal',
  ],
  [
    'target’s settings',
    good({ 5: '    targets: { a.b: { watch: 0 } }' }),
    '5:30 pipelines.ssh.targets["a.b"].watch: expected at least 1, found 0',
  ],
  [
    'target’s kind',
    good({ 5: '    targets: { a: { kind: file } }' }),
    '5:27 pipelines.ssh.targets.a.kind: a target cannot change the kind',
  ],
  [
    'a written event is wanted',
    good({ 6: '' }),
    '3:3 pipelines.ssh.event: expected the event to write, found nothing',
  ],
  [
    'a provoked one is not',
    good({ 7: '    inject: { kind: oidc-signin, issuer: "http://op", client_id: x }' }),
    '6:5 pipelines.ssh.event: oidc-signin provokes a real event, so there is none to write',
  ],
  [
    'template',
    good({ 6: '    event: { format: template, template: "{{tken}}" }' }),
    expect.stringContaining(
      '6:42 pipelines.ssh.event.template: The template has an unknown placeholder {{tken}}',
    ),
  ],
  [
    'kind',
    good({ 7: '    inject: { kind: sylog }' }),
    '7:21 pipelines.ssh.inject.kind: expected the kind of an injector, found "sylog"',
  ],
  [
    'adapter’s settings',
    good({ 7: '    inject: { kind: syslog, address: x, tls: { ca_fil: x } }' }),
    '7:38 pipelines.ssh.inject.address: expected such as tcp://127.0.0.1:514, found "x"',
    '7:41 pipelines.ssh.inject.tls.ca_file: expected text, found nothing',
    '7:48 pipelines.ssh.inject.tls.ca_fil: unknown key "ca_fil"',
  ],
  [
    'name',
    good({ 9: '      - name: Archive_1' }),
    expect.stringMatching(
      /^9:15 pipelines\.ssh\.checkpoints\[0\]\.name: expected a name of small letters.*found "Archive_1"$/,
    ),
  ],
  [
    'name twice',
    good({ 13: '      - name: archive' }),
    `13:15 ${cp}[1].name: checkpoint 1 has the name "archive" too`,
  ],
  [
    'id twice',
    good({ 13: '      - name: loki\n        id: archive' }),
    `14:13 ${cp}[1].id: checkpoint 1 has the id "archive" too`,
  ],
  [
    'source as a name',
    good({ 9: '      - name: source' }),
    `9:15 ${cp}[0].name: "source" stands for the injection itself`,
  ],
  [
    'after nothing',
    good({ 13: '      - name: loki\n        after: archiv' }),
    `14:16 ${cp}[1].after: no checkpoint here is named "archiv"`,
  ],
  [
    'circle',
    good({ 9: '      - name: archive\n        after: loki' }),
    `10:16 ${cp}[0].after: these checkpoints wait for one another: archive after loki after archive`,
  ],
  [
    'missing deadline',
    good({ 12: '' }),
    `9:9 ${cp}[0].lost_after: expected a duration such as 10s, 5m or 1h30m, found nothing`,
  ],
  [
    'deadlines in the wrong order',
    good({ 12: '        lost_after: 5s' }),
    `12:21 ${cp}[0].lost_after: expected a duration above on_time_within (5 s), found "5s"`,
  ],
  [
    'lost too late',
    good({ 12: '        lost_after: 22d' }),
    `12:21 ${cp}[0].lost_after: expected a duration of at most 21 d, found "22d"`,
  ],
  [
    'lost after it is gone',
    good({ 12: '        lost_after: 7d' }),
    `12:21 ${cp}[0].lost_after: absence could not be proven: lost_after + settle is 7 d, and the backend keeps records for 7 d, the usual of file`,
  ],
  [
    'kept too short',
    good({ 12: '        lost_after: 1m\n        keeps: 61s' }),
    `13:16 ${cp}[0].keeps: absence could not be proven: lost_after + settle is 1 min 1 s, and the backend keeps records for 1 min 1 s`,
  ],
  [
    'looking back too far',
    good({ 12: '        lost_after: 1m\n        keeps: 1d\n        look_back: 2d' }),
    `14:20 ${cp}[0].look_back: expected a duration of at most what the backend keeps (1 d), found "2d"`,
  ],
  [
    'looking back too little',
    good({ 12: '        lost_after: 1m\n        look_back: 50s' }),
    `13:20 ${cp}[0].look_back: expected a duration of at least lost_after (1 min), found "50s"`,
  ],
  [
    'at',
    good({ 12: '        lost_after: 1m\n        at: a..b' }),
    `13:13 ${cp}[0].at: expected a dotted path such as event.id, found "a..b"`,
  ],
  [
    'transform',
    good({ 12: '        lost_after: 1m\n        transforms: [drop a, dorp b]' }),
    `13:30 ${cp}[0].transforms[1]: expected a transform such as "rename a to b", "drop c" or "truncate d at 1000", found "dorp b"`,
  ],
  [
    'no checkpoints',
    good().replace(/checkpoints:[\s\S]*/, 'checkpoints: []'),
    '8:5 pipelines.ssh.checkpoints: expected at least one checkpoint, found a list of 0',
  ],
  [
    'objective',
    good({ 4: '    every: 1s\n    objective: { on_time: 101%, delivered: 99.9 }' }),
    '5:27 pipelines.ssh.objective.on_time: expected a percentage such as 99.9%, or a fraction such as 0.999, found "101%"',
    '5:44 pipelines.ssh.objective.delivered: expected a percentage such as 99.9%, or a fraction such as 0.999, found 99.9',
  ],
  [
    'rate',
    good({ 4: '    every: 1s\n    volume: 1,000 per hour' }),
    '5:13 pipelines.ssh.volume: expected a rate such as 1 per year or 1200000 per hour, found "1,000 per hour"',
  ],
  [
    'notifier',
    good({ 4: '    every: 1s\n    notify: { ours: [nobody] }' }),
    '5:22 pipelines.ssh.notify.ours[0]: there is no notifier "nobody"',
  ],
  [
    'short key',
    good({ 1: 'signing_keys: [short]' }),
    '1:16 signing_keys[0]: expected a key of at least 16 characters, found a secret of 5 characters',
  ],
  [
    'no key',
    good({ 1: 'store: postgres://db/c' }),
    '1:1 signing_keys: expected at least one key, since replicas on one PostgreSQL must sign alike, found nothing',
  ],
  [
    'store',
    good({}, 'store: mysql://x'),
    '17:8 store: expected embedded, { kind: embedded, data_dir: … }, or a URL such as postgres://user@host/database, found "mysql://x"',
  ],
  [
    'listen',
    good({}, 'listen: 127.0.0.1:65536'),
    '17:9 listen: expected a host name or address, and a port of at most 65535, found "127.0.0.1:65536"',
  ],
  [
    'base_url',
    good({}, 'base_url: http://x/?a'),
    '17:11 base_url: expected a URL of nothing but scheme, host and path',
  ],
  ['public', good({}, 'access: { public: [shh] }'), '17:20 access.public[0]: there is no pipeline "shh"'],
  [
    'short API key',
    good({}, 'access: { keys: [{ name: a, key: x, scopes: [] }] }'),
    '17:34 access.keys[0].key: expected a key of at least 16 characters, found a secret of 1 characters',
    '17:37 access.keys[0].scopes: expected at least one of read, ingest, emit, write, found a list of 0',
  ],
  [
    'maintenance of nothing',
    good({}, 'maintenance: [{ pipelines: [x], from: 2027-01-01T00:00:00Z, to: 2026-01-01T00:00:00Z }]'),
    '17:29 maintenance[0].pipelines[0]: there is no pipeline "x"',
    '17:65 maintenance[0].to: expected a time after from (2027-01-01T00:00:00Z), found "2026-01-01T00:00:00Z"',
  ],
  [
    'half a window',
    good({}, 'maintenance: [{ pipelines: [ssh], from: 2027-01-01T00:00:00Z }]'),
    '17:15 maintenance[0]: expected either cron and for, or from and to',
  ],
  [
    'endless maintenance',
    good({}, 'maintenance: [{ pipelines: [ssh], cron: "0 0 * * * *", for: 1h }]'),
    '17:61 maintenance[0].for: each window lasts until the next begins: no alarm would ever be raised',
  ],
  [
    'retention',
    good({}, 'retention: { canaries: 5m }'),
    '17:24 retention.canaries: expected a duration of at least 1 h, found "5m"',
  ],
  ['nothing', '', '1:1 : expected a map with pipelines, found nothing'],
  ['a list', '- a', '1:1 : expected a map with pipelines, found a list of 1'],
  [
    'no pipelines',
    good().replace(/pipelines:[\s\S]*/, 'pipelines: {}'),
    '2:1 pipelines: expected at least one pipeline, found a map of 0',
  ],
  [
    'pipeline’s name',
    good({ 3: '  SSH:' }),
    expect.stringMatching(/^3:3 pipelines\.SSH: expected a name of small letters.*found "SSH"$/),
  ],
  ['not a pipeline', good().replace(/ssh:[\s\S]*/, 'ssh: x'), '3:8 pipelines.ssh: expected a map, found "x"'],
  ['duplicate key', good({ 5: '    every: 20s' }), '5:5 : the key every stands twice in this map'],
  [
    'tab',
    good({ 4: '\tevery: 10s' }),
    expect.stringContaining('4:1 : expected spaces, found a tab as indentation'),
  ],
  [
    'unset variable',
    good({ 4: '    every: ${EVERY}' }),
    '4:12 pipelines.ssh.every: the environment variable EVERY is not set',
  ],
  [
    'bad reference',
    good({ 4: '    every: ${EVERY-1s}' }),
    '4:12 pipelines.ssh.every: expected ${NAME}, ${NAME:-default} or ${file:/path}, found "${EVERY-1s}"',
  ],
  [
    'unclosed reference',
    good({ 14: '        observe: { kind: loki, url: "http://l", query: "${" }' }),
    `14:56 ${cp}[1].observe.query: expected \${NAME}, \${NAME:-default} or \${file:/path}, found "\${"`,
  ],
];
