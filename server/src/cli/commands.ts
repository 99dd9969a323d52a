/** All commands. Each is loaded only when it is used: `hubbub --help` needs no database driver. */
import type { Entry } from './command.js';

export const COMMANDS: readonly Entry[] = [
  { name: 'start', summary: 'serve', load: async () => (await import('./start.js')).start },
  {
    name: 'doctor',
    summary: 'check configuration, database, Redis, clock, limits and port, and say what to do',
    load: async () => (await import('./doctor.js')).doctor,
  },
  {
    name: 'migrate',
    summary: 'bring the database schema up, one step down, or show it',
    load: async () => (await import('./migrate.js')).migrateCommand,
  },
  {
    name: 'epoch',
    summary: 'show the epoch of the data, or begin another one after a restore',
    load: async () => (await import('./epoch.js')).epoch,
  },
  { name: 'token', summary: 'print an access token', load: async () => (await import('./token.js')).token },
  { name: 'tail', summary: 'follow a channel live', load: async () => (await import('./tail.js')).tail },
  {
    name: 'load',
    summary: 'put a bounded load on a server of your own, and count what is lost or doubled',
    load: async () => (await import('./load.js')).load,
  },
  {
    name: 'audit',
    summary: 'check the hashes of the audit trails',
    load: async () => (await import('./audit.js')).audit,
  },
  {
    name: 'completion',
    summary: 'print a completion script for bash, zsh or fish',
    load: async () => (await import('./completion.js')).makeCompletion(COMMANDS),
  },
];
