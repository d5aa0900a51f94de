import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyInput, input, ocsf, TOKEN, UUID } from './input.ts';

const text = { type: 'string', minLength: 1 };
const texts = { type: 'array', items: text };
const object = (properties: object, required: string[] = []): object => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});
const millis = { type: 'integer', minimum: 1_000_000_000_000, maximum: 9_999_999_999_999 };

/**
 * What OCSF 1.8.0 says of the Authentication class (uid 3002) and of the objects used here: required attributes,
 * types, enumerations, no attribute that isn't listed. Written from the published schema at
 * https://schema.ocsf.io/1.8.0/classes/authentication; only the attributes we use are listed.
 */
const schema = {
  ...object(
    {
      activity_id: { enum: [0, 1, 2, 3, 4, 5, 6, 7, 99] },
      activity_name: text,
      category_uid: { const: 3 },
      category_name: { const: 'Identity & Access Management' },
      class_uid: { const: 3002 },
      class_name: { const: 'Authentication' },
      type_uid: { enum: [300200, 300201, 300202, 300203, 300204, 300205, 300206, 300207, 300299] },
      type_name: text,
      severity_id: { enum: [0, 1, 2, 3, 4, 5, 6, 99] },
      severity: text,
      status_id: { enum: [0, 1, 2, 99] },
      status: text,
      time: millis,
      message: text,
      is_remote: { type: 'boolean' },
      logon_type_id: { enum: [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 99] },
      logon_type: text,
      metadata: object(
        {
          version: { type: 'string', pattern: '^1\\.8\\.0$' },
          product: object({ name: text, vendor_name: text }, ['name']),
          uid: text,
          correlation_uid: text,
          source: text,
          labels: texts,
          tags: { type: 'array', items: object({ name: text, value: text }, ['name', 'value']) },
          logged_time: millis,
        },
        ['product', 'version'],
      ),
      user: object({ name: text, type_id: { enum: [0, 1, 2, 3, 4, 99] }, type: text }, ['name']),
      src_endpoint: object({ ip: text, port: { type: 'integer', minimum: 0, maximum: 65535 } }, ['ip']),
      dst_endpoint: object({ hostname: text }, ['hostname']),
      service: object({ name: text }, ['name']),
      http_request: object({ user_agent: text }),
      unmapped: { type: 'object' },
    },
    ['activity_id', 'category_uid', 'class_uid', 'type_uid', 'severity_id', 'time', 'metadata', 'user'],
  ),
  anyOf: [{ required: ['service'] }, { required: ['dst_endpoint'] }],
};
const validate = new Ajv({
  strict: true,
  strictTypes: false,
  strictRequired: false,
  allErrors: true,
}).compile(schema);

describe('ocsf', () => {
  test('any event is valid against OCSF 1.8.0', () => {
    fc.assert(
      fc.property(anyInput, fc.boolean(), (any, hard) => {
        expect([validate(JSON.parse(ocsf.write({ ...any, hard }).text)), validate.errors]).toEqual([
          true,
          null,
        ]);
      }),
      { numRuns: 30 },
    );
  });

  test('type_uid is class_uid × 100 + activity_id', () => {
    const event = JSON.parse(ocsf.write(input).text);
    expect(event.type_uid).toBe(event.class_uid * 100 + event.activity_id);
  });

  test('carries the identity, the planned time, and every mark of a synthetic event', () => {
    const { metadata, time } = JSON.parse(ocsf.write(input).text);
    expect(metadata.uid).toBe(TOKEN);
    expect(metadata.correlation_uid).toBe(UUID);
    expect(time).toBe(1772600767500);
    expect(metadata.tags).toContainEqual({ name: 'slot_ms', value: '1772600767089' });
    expect(metadata.tags).toContainEqual({ name: 'user_agent.synthetic.type', value: 'test' });
    expect(metadata.labels).toContain('synthetic');
    expect(metadata.source).toBe('synthetic');
  });
});
