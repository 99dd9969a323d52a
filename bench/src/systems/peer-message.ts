import { randomUUID } from 'node:crypto';

/** What the servers that Hubbub is compared with broadcast: the same fields as Hubbub, `seq` last. */
export function peerMessage(channelId: string, username: string, userId: string, content: string, seq: number): object {
  return {
    type: 'message',
    channel_id: channelId,
    user_id: userId,
    username,
    display_name: null,
    avatar_url: null,
    content,
    message_id: randomUUID(),
    timestamp: new Date().toISOString(),
    seq,
  };
}
