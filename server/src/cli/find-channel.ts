import { type Client, HubbubClientError } from '@hubbub/client';
import { canonicalUuid } from '@hubbub/protocol/ids.js';
import type { Channel } from '@hubbub/protocol/rest.js';
import { Failure } from './command.js';
import { printable } from './printable.js';

const PAGE = 100;
/** Pages of channels whose names have the word in them. */
const MAX_PAGES = 20;
const MAX_NAMED = 5;

/**
 * The channel of an id or a name. Names need not be unique, so that of several none is taken.
 *
 * @throws Failure when there is none, or more than one; HubbubClientError when the server refuses to say
 */
export async function findChannel(rest: Client['rest'], wanted: string): Promise<Channel> {
  const id = canonicalUuid(wanted);
  if (id !== null) return await channelOf(rest, id);
  const near = await channelsNamedLike(rest, wanted);
  const [first, ...others] = near.filter(({ name }) => name === wanted);
  if (first !== undefined && others.length === 0) return first;
  const shown = printable(wanted);
  if (first !== undefined) {
    const ids = [first, ...others].slice(0, MAX_NAMED).map((each) => each.id);
    throw new Failure(
      `${others.length + 1} channels are called "${shown}": name one by its id, like ${ids.join(', ')}.`,
    );
  }
  const names = near.slice(0, MAX_NAMED).map(({ name }) => `"${printable(name)}"`);
  throw new Failure(
    `There is no channel called "${shown}" that this user may see (404).` +
      (names.length === 0 ? '' : ` There are ${names.join(', ')}.`),
  );
}

async function channelOf(rest: Client['rest'], id: string): Promise<Channel> {
  try {
    return await rest.getChannel(id);
  } catch (error) {
    if (!(error instanceof HubbubClientError) || error.status !== 404) throw error;
    throw new Failure(`There is no channel ${id}, or it is closed (404).`);
  }
}

async function channelsNamedLike(rest: Client['rest'], word: string): Promise<Channel[]> {
  const found: Channel[] = [];
  for (let page = 0; page < MAX_PAGES; page++) {
    const { channels } = await rest.listChannels({ q: word, limit: PAGE, offset: page * PAGE });
    found.push(...channels);
    if (channels.length < PAGE) break;
  }
  return found;
}
