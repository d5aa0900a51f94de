import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  type CanaryRecord,
  exclusionTexts,
  recordOfProvoked,
  recordOfWritten,
  rolesMissing,
  SIEMS,
  type SiemText,
  type WrittenCanary,
} from '../../src/domain/exclusions.ts';
import { createTemplate, formats } from '../../src/domain/formats/index.ts';

const canary = (format: string, more: Partial<WrittenCanary> = {}): WrittenCanary => ({
  pipeline: 'p',
  format: formats.get(format)!,
  user: 'canary',
  sourceIp: '192.0.2.10',
  userAgent: 'coalmine-canary',
  syslog: false,
  ...more,
});
const template = (text: string, more: Partial<WrittenCanary> = {}) =>
  recordOfWritten(canary('', { format: createTemplate(text), ...more }));
const textOf = (record: CanaryRecord, title: string): SiemText =>
  exclusionTexts(record, SIEMS).find(t => t.title.includes(title))!;
const narrowed = (record: CanaryRecord) =>
  Object.fromEntries(
    record.conditions.map(c => [
      c.role,
      `${c.field.kind === 'json' ? c.field.path.join('.') : c.field.kind} ${c.test} ${c.value}`,
    ]),
  );

describe('where identity, source, application and token stand', () => {
  test('in each format’s own fields', () => {
    expect(narrowed(recordOfWritten(canary('ocsf')))).toEqual({
      identity: 'user.name is canary',
      source: 'src_endpoint.ip is 192.0.2.10',
      application: 'http_request.user_agent is coalmine-canary',
      token: 'metadata.uid begins coalmine1',
    });
    expect(narrowed(recordOfWritten(canary('ecs')))).toEqual({
      identity: 'user.name is canary',
      source: 'source.ip is 192.0.2.10',
      application: 'user_agent.original is coalmine-canary',
      token: 'event.id begins coalmine1',
    });
  });

  test('in a line, with the words beside them; the program where syslog names it', () => {
    const { conditions } = recordOfWritten(canary('sshd', { syslog: true }));
    expect(conditions.map(c => c.value)).toEqual([
      'for canary from',
      'from 192.0.2.10 port',
      'ID coalmine1',
      expect.stringMatching(/^ssh2: ED25519-CERT SHA256:/),
      'sshd',
    ]);
    expect(recordOfWritten(canary('sshd')).conditions.some(c => c.field.kind === 'process')).toBe(false);
  });

  test('a name that stands elsewhere too doesn’t mislead', () => {
    const record = recordOfWritten(canary('ocsf', { user: 'Success', userAgent: 'coalmine' }));
    expect(narrowed(record)).toMatchObject({
      identity: 'user.name is Success',
      application: 'http_request.user_agent is coalmine',
    });
  });

  test('what isn’t there is told', () => {
    const record = template('{"who":"{{user}}","list":[{"id":"{{token}}"}]}');
    expect(rolesMissing(record)).toEqual(['source', 'application']);
    expect(narrowed(record).token).toBe('list.0.id begins coalmine1');
    expect(() => template('{"id":"{{token}}"}')).toThrow(/\{\{user\}\}/);
  });

  test('of a sign-in: user or service, and the token only where it is planted', () => {
    const given = { pipeline: 'p', client: 'app-1', sourceIp: null, userAgent: 'coalmine' };
    const user = recordOfProvoked({ ...given, user: 'c@example.com', tokenInAgent: false });
    expect(user).toMatchObject({ kind: 'sign-in', format: 'user' });
    expect(rolesMissing(user)).toEqual(['source', 'token']);
    const service = recordOfProvoked({ ...given, user: null, sourceIp: '203.0.113.7', tokenInAgent: true });
    expect(rolesMissing(service)).toEqual([]);
    expect(textOf(service, 'Sentinel').tripwire).toMatch(
      /^AADServicePrincipalSignInLogs\n.*AppId =~ "app-1"/,
    );
  });
});

const hostile = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
  fc
    .array(
      fc.constantFrom(
        '"',
        "'",
        '\\',
        '*',
        '?',
        '%',
        '`',
        '(',
        ')',
        '|',
        '\n',
        '\u2028',
        ': ',
        '#',
        '{{',
        'a',
        '🐤',
      ),
      {
        minLength: 1,
        maxLength: 20,
      },
    )
    .map(parts => parts.join('')),
);

/** What is left of a text without its strings; undefined: one doesn't end. Quotes as KQL, SPL and ES|QL have them. */
function withoutStrings(text: string, quotes: string): string | undefined {
  let left = '';
  for (let i = 0; i < text.length; i++) {
    const quote = text[i]!;
    if (!quotes.includes(quote)) {
      left += quote;
      if (quote === '\\') i++;
      continue;
    }
    for (i++; text[i] !== quote; i++) {
      if (i >= text.length || text[i] === '\n') return undefined;
      if (text[i] === '\\') i++;
    }
    left += '""';
  }
  return left;
}

const depths = (text: string): number[] => {
  let depth = 0;
  return [...text].map(c => (depth += c === '(' ? 1 : c === ')' ? -1 : 0));
};

/** Hostile values change nothing but what stands in strings: the query around them is that of a harmless record. */
describe('whatever a pipeline’s names hold', () => {
  const records = (user: string, agent: string): CanaryRecord[] => [
    recordOfWritten(canary('ocsf', { user, userAgent: agent, pipeline: agent })),
    recordOfWritten(canary('sshd', { user, syslog: true, pipeline: agent })),
    template(`{"msg":"u={{user}} t={{token}} a={{user_agent}} from {{source_ip}}"}`, {
      user,
      userAgent: agent,
    }),
  ];

  test.each([
    ['Sentinel', '"'],
    ['Splunk', '"\''],
    ['ES|QL', '"`'],
  ])('%s: strings end, and the rest stays as it is', (title, quotes) => {
    const safe = records('name', 'agent').map(r => textOf(r, title));
    fc.assert(
      fc.property(hostile, hostile, (user, agent) => {
        for (const [i, record] of records(user, agent).entries()) {
          const given = textOf(record, title);
          for (const part of ['exclusion', 'tripwire'] as const) {
            const left = withoutStrings(given[part], quotes);
            const bare = withoutStrings(safe[i]![part], quotes)!;
            const digits = (text: string | undefined) => text?.replace(/,\d+\)/g, ',n)');
            expect(digits(left), given[part]).toBe(digits(bare));
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('Sentinel: its strings give the very values back', () => {
    fc.assert(
      fc.property(hostile, hostile, (user, agent) => {
        for (const record of records(user, agent)) {
          const strings = textOf(record, 'Sentinel').exclusion.match(/"(?:[^"\\]|\\.)*"/g) ?? [];
          const values = strings.map(text => JSON.parse(text) as string);
          for (const { value } of record.conditions) expect(values).toContain(value);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('Elastic’s KQL: strings end, and parentheses that aren’t escaped pair', () => {
    fc.assert(
      fc.property(hostile, hostile, (user, agent) => {
        for (const record of records(user, agent)) {
          const { tripwire, exclusion } = textOf(record, 'Elastic (KQL)');
          for (const text of [exclusion, tripwire]) expect(withoutStrings(text, '"'), text).toBeDefined();
          const left = withoutStrings(exclusion, '"')!;
          expect(Math.min(...depths(left.replace(/\\./g, '')))).toBeGreaterThanOrEqual(0);
          expect(depths(left.replace(/\\./g, '')).at(-1)).toBe(0);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('Sigma: valid YAML that gives the very values back, once Sigma’s own escapes are taken off', () => {
    const unescaped = (text: string) => text.replace(/\\([\\*?])/g, '$1');
    fc.assert(
      fc.property(hostile, hostile, (user, agent) => {
        for (const record of records(user, agent)) {
          const { exclusion, tripwire } = textOf(record, 'Sigma');
          const filter = parse(exclusion);
          const rule = parse(tripwire);
          expect(filter.title).toBe(`coalmine canaries of ${record.pipeline}`);
          expect(rule.level).toBe('high');
          const held = Object.entries({ ...filter.filter.canary, ...filter.filter.canary_line }).flatMap(
            ([, value]) => value as string | string[],
          );
          expect(held.map(unescaped).sort()).toEqual(record.conditions.map(c => c.value).sort());
          // No wildcard of its own is left.
          for (const value of held) expect(value.replace(/\\[\\*?]/g, '')).not.toMatch(/[*?\\]/);
          expect(filter.filter.rules).toBe('any');
          expect(rule.detection.condition).toMatch(/^identity(_line)? and not /);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('Splunk: what is asked of the line still holds for it, and means it literally', () => {
    fc.assert(
      fc.property(hostile, user => {
        const canaryRecord = canary('sshd', { user });
        const line = canaryRecord.format.write({
          ...{ token: 'coalmine1abc', uuid: '', slotMs: 1, nowMs: 1, target: 't', host: 't', sourcePort: 1 },
          ...{ pipeline: 'p', user, sourceIp: '192.0.2.10', userAgent: '' },
        }).text;
        const { exclusion } = textOf(recordOfWritten(canaryRecord), 'Splunk');
        const patterns = [...exclusion.matchAll(/match\((lower\()?coalesce\(_raw,""\)\)?,"([^"]*)"\)/g)];
        expect(patterns).toHaveLength(4);
        for (const [, lower, text] of patterns)
          expect(lower ? line.toLowerCase() : line).toMatch(new RegExp(text!, 'u'));
      }),
      { numRuns: 60 },
    );
  });
});

describe('holes that would be easy to leave', () => {
  const record = recordOfWritten(canary('ecs'));

  test('a field that isn’t there is neither excluded nor hidden from the tripwire', () => {
    const spl = textOf(record, 'Splunk');
    for (const part of [spl.exclusion, spl.tripwire])
      expect(part.match(/'[^']+'/g)!.length).toBe(part.match(/coalesce\('[^']+',""\)/g)!.length);
    const esql = textOf(record, 'ES|QL');
    for (const part of [esql.exclusion, esql.tripwire])
      expect(part).toMatch(/NOT COALESCE\([\s\S]*, FALSE\)/);
  });

  test('the tripwire asks for the identity in any case, the exclusion for the exact one', () => {
    const given = recordOfWritten(canary('ecs', { user: 'Canary' }));
    expect(textOf(given, 'Sentinel').tripwire).toMatch(/=~ "Canary"[\s\S]*== "Canary"/);
    expect(textOf(given, 'Splunk').tripwire).toMatch(/lower\([^\n]*=="canary"[\s\S]*=="Canary"/);
    expect(textOf(given, 'ES|QL').tripwire).toMatch(/TO_LOWER\(user\.name\) == "canary"[\s\S]*== "Canary"/);
  });

  test('a line’s tripwire hears of a failed attempt too', () => {
    const kql = textOf(recordOfWritten(canary('sshd')), 'Sentinel').tripwire;
    const asked = /contains "([^"]*)"/.exec(kql)![1]!;
    expect('Failed password for invalid user canary from 203.0.113.9 port 22').toContain(asked);
  });

  test('only the SIEMs that were asked for', () => {
    expect(exclusionTexts(record, ['elastic']).map(t => t.siem)).toEqual(['elastic', 'elastic']);
    expect(new Set(exclusionTexts(record, SIEMS).map(t => t.siem))).toEqual(new Set(SIEMS));
  });
});
