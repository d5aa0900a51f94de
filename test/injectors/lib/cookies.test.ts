import { describe, expect, test } from 'vitest';
import { createCookieJar } from '../../../src/injectors/lib/cookies.ts';

const url = (text: string) => new URL(text);
const jarWith = (from: string, ...lines: string[]) => {
  const jar = createCookieJar();
  const headers = new Headers();
  for (const line of lines) headers.append('set-cookie', line);
  jar.take(headers, url(from), Date.UTC(2026, 0, 1));
  return jar;
};

describe('cookies', () => {
  test('go back to their host and path, and nowhere else (RFC 6265 §5.1.4, §5.4)', () => {
    const jar = jarWith('https://id.example/login/form', 'a=1; Path=/; HttpOnly', 'b=2', 'c=3; path=/other');
    expect(jar.headerFor(url('https://id.example/login/submit'))).toBe('b=2; a=1');
    expect(jar.headerFor(url('https://id.example/loginx'))).toBe('a=1');
    expect(jar.headerFor(url('https://id.example/other'))).toBe('c=3; a=1');
    expect(jar.headerFor(url('https://sub.id.example/'))).toBe('');
    expect(jar.headerFor(url('https://evil.example/'))).toBe('');
  });

  test('Domain widens to subdomains, and never to strangers', () => {
    const jar = jarWith('https://login.id.example/', 'a=1; Domain=.id.example', 'b=2; Domain=other.example');
    expect(jar.headerFor(url('https://x.id.example/'))).toBe('a=1');
    expect(jar.headerFor(url('https://other.example/'))).toBe('');
    expect(jar.headerFor(url('https://notid.example/'))).toBe('');
  });

  test('Secure keeps to https', () => {
    const jar = jarWith('https://id.example/', 'a=1; Secure');
    expect(jar.headerFor(url('http://id.example/'))).toBe('');
    expect(jar.headerFor(url('https://id.example/'))).toBe('a=1');
  });

  test('a later one replaces, an expired one removes', () => {
    const jar = jarWith(
      'https://id.example/',
      'a=1',
      'b=1',
      'c=1',
      'a=2',
      'b=x; Max-Age=0',
      'c=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
    );
    expect(jar.headerFor(url('https://id.example/'))).toBe('a=2');
  });

  test('values keep their equals signs; what is no cookie is none; there are only so many', () => {
    expect(
      jarWith('https://a.b/', 'a=x==; path=/', '=x', 'noequals', `big=${'x'.repeat(9000)}`).headerFor(
        url('https://a.b/'),
      ),
    ).toBe('a=x==');
    const many = jarWith('https://a.b/', ...Array.from({ length: 500 }, (_, i) => `n${i}=1`));
    expect(many.headerFor(url('https://a.b/')).split('; ')).toHaveLength(60);
  });
});
