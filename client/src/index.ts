/** The Hubbub SDK. */
export type { MessageHeldFrame, MessageReviewedFrame } from '@hubbub/protocol/frames.js';
export { Channel, type HistoryOptions } from './channel.js';
export { Client, type ConnectOptions, connect } from './client.js';
export type { SocketConstructor, SocketLike } from './connection.js';
export type { Unsubscribe } from './emitter.js';
export { type AnyErrorCode, type ClientErrorCode, HubbubClientError } from './errors.js';
export { requestDevToken } from './http.js';
export { type LogExportOptions, type LogFilter, type LogOptions, Moderation } from './moderation.js';
export type {
  HttpMethod,
  ListChannelsOptions,
  ListMessagesOptions,
  ListOptions,
  RequestOptions,
  Rest,
} from './rest.js';
export { Site } from './site.js';
export type { Readable } from './store.js';
export type { Timeline } from './timeline.js';
export type { GetToken } from './tokens.js';
export type * from './types.js';
