/**
 * The line OpenSSH writes when a certificate signs in. The token is the certificate's key ID: free text that
 * sshd prints whole, between spaces. The certificate's serial number carries the slot.
 * Source: OpenSSH 7.9+, auth.c, auth_log() and format_method_key().
 */
import type { EventFormat, LinePart } from '../event.ts';
import { joinLine, oneLine } from '../line.ts';

/** SHA-256 of the words "coalmine synthetic key" and "coalmine synthetic CA", in base64: no key has them. */
const KEY = 'SHA256:dLaSLHMNSl+f9NwwaznvcK3PuazdP4fXglMZQJgVUBc';
const CA = 'SHA256:jp+cDA7vpc0uBUHCLUzRLNK9R9FkTDCFbajIldACPvQ';

const PARTS: readonly LinePart[] = [
  'Accepted ',
  { field: 'method' },
  ' for ',
  { field: 'user' },
  ' from ',
  { field: 'source_ip' },
  ' port ',
  { field: 'source_port' },
  ` ssh2: ED25519-CERT ${KEY} ID `,
  { field: 'token' },
  ' (serial ',
  { field: 'serial' },
  `) CA ED25519 ${CA}`,
];

export const sshd: EventFormat = {
  name: 'sshd',
  write(input) {
    const fields = {
      token: input.token,
      serial: String(input.slotMs),
      method: 'publickey',
      user: oneLine(input.user),
      source_ip: oneLine(input.sourceIp),
      source_port: String(input.sourcePort),
    };
    return { text: joinLine(PARTS, fields), app: 'sshd', timeMs: input.nowMs, fields, parts: PARTS };
  },
};
