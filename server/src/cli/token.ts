import { SITE_ROLES } from '@hubbub/protocol/rest.js';
import { type Config, readConfig } from '../config.js';
import { loadDevelopmentKey, mintToken } from '../dev-keys.js';
import { defineCommand, readInteger, UsageError } from './command.js';

const MAX_TTL_SECONDS = 10 * 366 * 24 * 60 * 60;

export const token = defineCommand({
  name: 'token',
  usage: '--user NAME [options]',
  about: `Prints an access token, signed with JWT_PRIVATE_KEY or, where no key is configured, with the development key in
DATA_DIR. The same name always gives the same user. For trying out: your application signs the tokens of its users.`,
  options: {
    user: { type: 'string', value: 'NAME', help: 'whom the token is for' },
    role: { type: 'string', default: 'user', choices: SITE_ROLES, help: 'role on the whole site' },
    ttl: { type: 'string', default: '3600', value: 'SECONDS', help: 'how long it is good' },
  },
  examples: ['hubbub token --user ada', 'HUBBUB_TOKEN=$(hubbub token --user ada --role admin) hubbub tail general'],
  run: async ({ values }, io) => {
    const username = values.user?.trim() ?? '';
    if (username === '') throw new UsageError('token needs --user NAME.');
    const role = SITE_ROLES.find((each) => each === values.role) ?? 'user';
    const ttlSeconds = readInteger('ttl', values.ttl, 1, MAX_TTL_SECONDS);
    const config = readConfig(io.env);
    const { jwtIssuer: issuer, jwtAudience: audience } = config;
    const minted = await mintToken(signingKey(config), { username, role, ttlSeconds, issuer, audience });
    io.out(minted.token);
    return 0;
  },
});

function signingKey(config: Config) {
  if (config.key.kind === 'private') return config.key.privateKey;
  if (config.key.kind === 'development') return loadDevelopmentKey(config.dataDir);
  throw new UsageError(
    'A token needs a private key to sign with: set JWT_PRIVATE_KEY (only a public one is configured).',
  );
}
