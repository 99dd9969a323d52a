import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { ReadMarks } from './read-marks.js';

function storage() {
  const values = new Map<string, string>();
  return {
    getItem: (key: string) => values.get(key) ?? null,
    setItem: mock.fn((key: string, value: string) => void values.set(key, value)),
  };
}

test('marks only rise, are kept for the next visit, and are written once a second', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const store = storage();
  const marks = new ReadMarks('ada', store);
  const listener = mock.fn();
  marks.subscribe(listener);
  for (let seq = 1; seq <= 50; seq++) marks.read('general', seq);
  marks.read('general', 7);
  assert.equal(marks.get().get('general'), 50);
  assert.equal(store.setItem.mock.callCount(), 0);
  mock.timers.tick(1000);
  assert.equal(store.setItem.mock.callCount(), 1);
  assert.equal(listener.mock.callCount(), 1);
  assert.equal(new ReadMarks('ada', store).get().get('general'), 50);
  assert.equal(new ReadMarks('bob', store).get().size, 0);
  mock.timers.reset();
});

test('what somebody else has put there is no mark', () => {
  const broken = { getItem: () => '{"a":', setItem: () => {} };
  assert.equal(new ReadMarks('ada', broken).get().size, 0);
});
