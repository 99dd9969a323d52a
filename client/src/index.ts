/** The Hubbub SDK. */
export { Channel, type HistoryOptions, type JoinOptions } from './channel.js';
export { Client, type ConnectOptions, connect, type SocketConstructor, type SocketLike } from './client.js';
export type { Unsubscribe } from './emitter.js';
export { type AnyErrorCode, type ClientErrorCode, HubbubClientError } from './errors.js';
export { requestDevToken } from './http.js';
export type {
  HttpMethod,
  ListChannelsOptions,
  ListMessagesOptions,
  ListOptions,
  LogOptions,
  RequestOptions,
  Rest,
} from './rest.js';
export type { Readable } from './store.js';
export type { Timeline } from './timeline.js';
export type * from './types.js';
