import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { addressGroup, clientAddress, trustOf } from './client-address.js';

for (const [address, group] of [
  ['203.0.113.7', '203.0.113.7'],
  ['203.0.113.7:50000', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['[2001:db8:1:2::9]:443', '2001:db8:1:2::/64'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
  ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:1:2:3::', '2001:db8:1:2::/64'],
  ['::2', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['unknown', 'unknown'],
  ['', ''],
] as const) {
  test(`${address === '' ? 'no address' : address} is counted as ${group}`, () => {
    assert.equal(addressGroup(address), group);
  });
}

for (const address of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1', '[::1]:80']) {
  test(`${address} is this machine and not counted`, () => assert.equal(addressGroup(address), null));
}

function requestOf(peer: string, forwardedFor: string): IncomingMessage {
  const socket = new Socket();
  Object.defineProperty(socket, 'remoteAddress', { value: peer });
  const request = new IncomingMessage(socket);
  request.headers['x-forwarded-for'] = forwardedFor;
  return request;
}

for (const [trusted, expected] of [
  [false, '10.0.0.1'],
  [0, '10.0.0.1'],
  [1, '198.51.100.2'],
  [2, '203.0.113.7'],
  [['10.0.0.0/8'], '198.51.100.2'],
  [['10.0.0.0/8', '198.51.100.2'], '203.0.113.7'],
  [['192.0.2.1'], '10.0.0.1'],
] as const) {
  test(`of X-Forwarded-For is believed what TRUST_PROXY=${JSON.stringify(trusted)} allows`, () => {
    const trust = trustOf(typeof trusted === 'object' ? [...trusted] : trusted);
    assert.equal(clientAddress(requestOf('10.0.0.1', '203.0.113.7, 198.51.100.2'), trust), expected);
  });
}
