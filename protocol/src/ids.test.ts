import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonicalUuid } from './ids.js';

const ID = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';

test('a canonical UUID stays as it is', () => {
  assert.equal(canonicalUuid(ID), ID);
});

test('upper case, mixed case and missing dashes are spellings of the same UUID', () => {
  for (const spelling of [
    ID.toUpperCase(),
    '6F9619ff-8B86-4d01-B42D-00cf4fc964FF',
    ID.replaceAll('-', ''),
    ID.replaceAll('-', '').toUpperCase(),
  ]) {
    assert.equal(canonicalUuid(spelling), ID, spelling);
  }
});

test('UUIDs of every version pass, the nil and the max UUID too', () => {
  for (const id of [
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    'c232ab00-9414-11ec-b3c8-9f6bdeced846',
    '017f22e2-79b0-7cc3-98c4-dc0c0c07398f',
  ]) {
    assert.equal(canonicalUuid(id), id);
  }
});

test('what is no UUID is refused', () => {
  for (const text of [
    '',
    ' ',
    'general',
    ID.slice(1),
    `${ID}0`,
    ` ${ID}`,
    `${ID}\n`,
    `{${ID}}`,
    `urn:uuid:${ID}`,
    `g${ID.slice(1)}`,
    '6f9619ff8b86-4d01-b42d-00cf4fc964ff',
    '6f9619f-f8b86-4d01-b42d-00cf4fc964ff',
    '6f9619ff_8b86_4d01_b42d_00cf4fc964ff',
    '\uff16f9619ff-8b86-4d01-b42d-00cf4fc964ff',
    `${ID}/../x`,
  ]) {
    assert.equal(canonicalUuid(text), null, JSON.stringify(text));
  }
});

test('any spelling of any UUID has one canonical form', () => {
  fc.assert(
    fc.property(fc.uuid(), fc.infiniteStream(fc.boolean()), fc.boolean(), (id, upper, dashes) => {
      const cased = [...id].map((each) => (upper.next().value === true ? each.toUpperCase() : each)).join('');
      assert.equal(canonicalUuid(dashes ? cased : cased.replaceAll('-', '')), id);
    }),
  );
});

test('no other text becomes a UUID', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), (text) => {
      const id = canonicalUuid(text);
      if (id !== null) assert.equal(id.replaceAll('-', ''), text.toLowerCase().replaceAll('-', ''));
    }),
  );
});
