import { connect, HubbubClientError } from '@hubbub/client';
import { defineCommand, Failure, readInteger } from './command.js';
import { findChannel } from './find-channel.js';
import { type Frame, follow } from './follow.js';
import { printable, printableJson } from './printable.js';
import { REMOTE_OPTIONS, readRemote, sentenceOf, tokenSource } from './remote.js';
import { transcribe } from './transcript.js';

/** The user whose token is taken in development mode: one who may see private channels, too. */
const DEVELOPMENT_USER = { username: 'hubbub-tail', role: 'admin' } as const;

export const tail = defineCommand({
  name: 'tail',
  usage: '<channel> [options]',
  about: `Follows a channel live: the newest page, then every message and deletion as it comes, until Ctrl-C. After a lost
connection it goes on where it was, without a gap and without a double. The channel is named by its id or its name.
Control characters in messages are shown as escapes, and do not reach the terminal.`,
  options: {
    since: { type: 'string', value: 'SEQ', help: 'begin after this place; 0 is the beginning' },
    json: { type: 'boolean', help: 'one frame a line, as on the wire, for programs' },
    ...REMOTE_OPTIONS,
  },
  operand: { name: 'a channel, by its id or its name' },
  examples: [
    'hubbub tail general',
    'hubbub tail general --since 0 --json | jq -r .content',
    'HUBBUB_TOKEN=$(hubbub token --user ada) hubbub tail general --url https://chat.example.com',
  ],
  run: async ({ values, operands: [wanted = ''] }, io) => {
    const since = values.since === undefined ? null : readInteger('since', values.since, 0, Number.MAX_SAFE_INTEGER);
    const remote = readRemote(values, io.env);
    const signal = io.interruption();
    // A list of messages is kept by the SDK for those who show one; here they are gone once they are written.
    const client = connect({ url: remote.url, getToken: tokenSource(remote, DEVELOPMENT_USER), maxMessages: 1 });
    const onAbort = () => client.close();
    signal.addEventListener('abort', onAbort);
    try {
      const channel = await findChannel(client.rest, wanted);
      io.err(`Following "${printable(channel.name)}" (${channel.id}); Ctrl-C ends it.`);
      const show = (frame: Frame) => {
        if (values.json) io.out(printableJson(frame));
        else for (const line of transcribe(frame)) io.out(line);
      };
      const onNotice = (text: string) => io.err(printable(text));
      await follow({ client, channelId: channel.id, since, onFrame: show, onNotice, signal });
      return 0;
    } catch (error) {
      if (signal.aborted) return 0;
      throw error instanceof HubbubClientError ? new Failure(sentenceOf(error, remote.url), { cause: error }) : error;
    } finally {
      signal.removeEventListener('abort', onAbort);
      client.close();
    }
  },
});
