import { defineCommand } from './command.js';

export const start = defineCommand({
  name: 'start',
  usage: '',
  about: `Serves until SIGTERM or Ctrl-C, which let clients go in good order. Takes no options: every setting is a variable
of the environment. Without DATABASE_URL the database is embedded, in DATA_DIR (./data).`,
  options: {},
  examples: [
    'hubbub start',
    'PORT=9000 DATA_DIR=/var/lib/hubbub hubbub start',
    'DATABASE_URL=postgres://hubbub:secret@db/hubbub JWT_PUBLIC_KEY="$(cat public.pem)" hubbub start',
  ],
  run: async () => {
    await import('../main.js');
    return 0;
  },
});
