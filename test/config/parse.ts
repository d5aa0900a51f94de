/** Short cuts to `parseConfig` for tests. */
import { expect } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { type Parsed, type ParseOptions, parseConfig } from '../../src/config/load.ts';
import { registry } from './registry.ts';

export const parse = (text: string, options: Partial<ParseOptions> = {}): Parsed =>
  parseConfig(text, { file: 'coalmine.yaml', env: {}, registry, ...options });

/** The config of a text without errors. */
export const configOf = (text: string, options?: Partial<ParseOptions>): Config => {
  const { config, diagnostics } = parse(text, options);
  expect(diagnostics.filter(d => d.level === 'error')).toEqual([]);
  return config!;
};

/** `line:column path: message`, level by level. */
export const told = (parsed: Parsed, level = 'error'): string[] =>
  parsed.diagnostics.filter(d => d.level === level).map(d => `${d.line}:${d.column} ${d.path}: ${d.message}`);

/** A good config, line by line; `changes` replaces lines by number, `extra` is put after the last. */
export const good = (changes: Readonly<Record<number, string>> = {}, extra = ''): string => {
  const lines = [
    'signing_keys: [0123456789abcdef]', // 1
    'pipelines:',
    '  ssh:',
    '    every: 10s', // 4
    '    targets: [web-1, web-2]',
    '    event: { format: sshd }', // 6
    '    inject: { kind: syslog, address: "tcp://127.0.0.1:514" }',
    '    checkpoints:',
    '      - name: archive', // 9
    '        observe: { kind: file, path: /var/log/auth.log }',
    '        on_time_within: 5s', // 11
    '        lost_after: 1m',
    '      - name: loki', // 13
    '        observe: { kind: loki, url: "http://127.0.0.1:3100", query: "{}" }',
    '        on_time_within: 15s', // 15
    '        lost_after: 10m',
  ];
  return `${lines.map((line, i) => changes[i + 1] ?? line).join('\n')}\n${extra}`;
};
