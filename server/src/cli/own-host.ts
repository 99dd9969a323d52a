import { lookup } from 'node:dns/promises';
import { BlockList, isIPv4 } from 'node:net';
import { UsageError } from './command.js';

/** Loopback, and the private networks of RFC 1918 and RFC 4193. */
const OWN = new BlockList();
OWN.addSubnet('127.0.0.0', 8, 'ipv4');
OWN.addSubnet('10.0.0.0', 8, 'ipv4');
OWN.addSubnet('172.16.0.0', 12, 'ipv4');
OWN.addSubnet('192.168.0.0', 16, 'ipv4');
OWN.addAddress('::1', 'ipv6');
OWN.addSubnet('fc00::', 7, 'ipv6');

/** Gives all addresses of a host name. */
type Resolve = (host: string) => Promise<readonly string[]>;

const resolveAll: Resolve = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/**
 * Sees to it that a host is one's own: every address of it is of this machine or of a private network.
 *
 * @throws UsageError when it is not, or has no address
 */
export async function assertOwnHost(url: URL, resolve: Resolve = resolveAll): Promise<void> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = await resolve(host).catch(() => []);
  if (addresses.length === 0) throw new UsageError(`--url: the host ${host} cannot be found.`);
  const foreign = addresses.find((address) => !OWN.check(address, isIPv4(address) ? 'ipv4' : 'ipv6'));
  if (foreign === undefined) return;
  const resolved = foreign === host ? '' : ` (${host})`;
  throw new UsageError(
    `load runs against hosts of your own alone, on this machine or in a private network: ${foreign}${resolved} is a public ` +
      'address. Run it beside the server, with the address that it has there.',
  );
}
