import type { IncomingMessage } from 'node:http';
import { isIP, isIPv4 } from 'node:net';
import proxyAddr from '@fastify/proxy-addr';
import type { Config } from './config.js';

/** Of what is no address but stands where one should. */
const MAX_TEXT_CHARS = 64;

/** Whether a proxy at this address is believed. @param hop 0: whoever has connected, 1: whoever that one names */
export type Trust = (address: string, hop: number) => boolean;

/** Whose `X-Forwarded-For` is believed, as a function. @param trusted a number: so many proxies in front */
export function trustOf(trusted: Config['trustProxy']): Trust {
  if (trusted === false) return () => false;
  return typeof trusted === 'number' ? (_address, hop) => hop < trusted : proxyAddr.compile(trusted);
}

/** The client's address of a request: behind trusted proxies the one that they tell, else that of whoever connected. */
export function clientAddress(request: IncomingMessage, trust: Trust): string {
  // A socket that is gone already has no address.
  return proxyAddr(request, trust) ?? '';
}

/**
 * What is counted as one address: an IPv4 address, or the /64 of an IPv6 address, since every subscriber has a whole /64
 * to choose addresses from (RFC 6177); null: this machine itself, which is not counted.
 *
 * @param text an address, also with the port that some proxies add; what is no address is counted by its text
 */
export function addressGroup(text: string): string | null {
  const address = withoutPort(text).replace(/^::ffff:(?=\d+\.)/i, '');
  if (isIPv4(address)) return address.startsWith('127.') ? null : address;
  if (isIP(address) === 0) return address.slice(0, MAX_TEXT_CHARS);
  if (address === '::1') return null;
  const [left = '', right] = address.split('%', 1)[0]?.split('::') ?? [];
  const head = left === '' ? [] : left.split(':');
  // The /64 is all that counts, so what follows the gap matters only by its length.
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const gap = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0');
  const parts = [...head, ...(right === undefined ? [] : gap), ...tail].slice(0, 4);
  return `${parts.map((part) => Number.parseInt(part, 16).toString(16)).join(':')}::/64`;
}

function withoutPort(text: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/.exec(text) ?? [];
  return bracketed ?? plain ?? text;
}
