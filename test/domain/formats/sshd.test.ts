import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { input, sshd, TOKEN } from './input.ts';

/** OpenSSH's fingerprint form: SHA-256 in base64 without padding. */
const fingerprint = (text: string): string =>
  `SHA256:${createHash('sha256').update(text).digest('base64').replace(/=+$/, '')}`;

test('is the line sshd writes for a certificate whose key ID is the token', () => {
  // OpenSSH auth.c: "%s %s for %s%.100s from %.200s port %d ssh2: %s %s ID %s (serial %llu) CA %s %s".
  expect(sshd.write(input).text).toBe(
    `Accepted publickey for canary from 192.0.2.10 port 50022 ssh2: ED25519-CERT ${fingerprint('coalmine synthetic key')}` +
      ` ID ${TOKEN} (serial 1772600767089) CA ED25519 ${fingerprint('coalmine synthetic CA')}`,
  );
});

test('says nothing of the time of the attempt', () => {
  expect(sshd.write({ ...input, nowMs: 0 }).text).toBe(sshd.write(input).text);
});

test('a user name with a line break stays on one line, in octal as sshd has it', () => {
  const { text, fields } = sshd.write({ ...input, user: 'a\nb\u2028ü' });
  expect(text).toContain(' for a\\012b\\342\\200\\250ü from ');
  expect(fields.user).toBe('a\\012b\\342\\200\\250ü');
});
