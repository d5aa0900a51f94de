import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseForms } from '../../../src/injectors/lib/html-form.ts';

describe('forms', () => {
  test('action, method, hidden inputs, entities', () => {
    const html = `<FORM action='/a?x=1&amp;y=2' METHOD=Post><input type=hidden name="t" value="&lt;&#39;&#x41;&quot;">
      <input name=login required><input type="password" name="pw"/></FORM>`;
    expect(parseForms(html)).toEqual([
      {
        action: '/a?x=1&y=2',
        method: 'post',
        fields: [
          { name: 't', value: `<'A"`, type: 'hidden' },
          { name: 'login', value: '', type: 'text' },
          { name: 'pw', value: '', type: 'password' },
        ],
      },
    ]);
  });

  test('a browser submits no unchecked box, no plain button, and one submit button', () => {
    const html = `<form><input type=checkbox name=a checked><input type=checkbox name=b><input type=radio name=c value=1>
      <button type=button name=d>x</button><button name=accept value=yes>ok</button><button name=deny value=no>no</button>
      <input type=reset name=e><input type=text></form>`;
    expect(parseForms(html)[0]?.fields.map(f => [f.name, f.value])).toEqual([
      ['a', 'on'],
      ['accept', 'yes'],
    ]);
  });

  test('what stands in comments, scripts and outside of forms is none', () => {
    const html = `<!-- <form action=1> --><script>"<form action=2>"</script><input name=x><form action=3></form><input name=y>`;
    expect(parseForms(html)).toEqual([{ action: '3', method: 'get', fields: [] }]);
  });

  test('a > inside a quoted value ends nothing', () => {
    expect(parseForms(`<form><input name="a" value="1 > 0" type=hidden></form>`)[0]?.fields[0]?.value).toBe(
      '1 > 0',
    );
  });

  test('never throws, and takes time in line with the length', () => {
    const piece = fc.constantFrom(
      '<form',
      '<input',
      ' name=',
      '"',
      "'",
      '>',
      '</form>',
      '<!--',
      '<script',
      ' ',
      'a',
      '/',
      '=',
      '&#x',
    );
    fc.assert(fc.property(fc.array(piece, { maxLength: 200 }), parts => void parseForms(parts.join(''))));
    const begun = performance.now();
    for (const part of [
      '<input ',
      '<form a="',
      "<input name='",
      '<',
      '<!-- ',
      '<script>',
      ' ',
      'a='.repeat(3),
    ]) {
      parseForms(`<form ${part.repeat(524_288 / part.length)}`);
    }
    expect(performance.now() - begun).toBeLessThan(3000);
  });
});
