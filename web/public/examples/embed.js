/** Gives <hubbub-chat> what a real page gets from its own server: a token, and a channel (`?channel=`, else the newest one). */
const chat = document.querySelector('hubbub-chat');
const query = new URLSearchParams(location.search);
const name = query.get('name') ?? `guest-${Math.floor(Math.random() * 1000)}`;

async function call(path, options = {}) {
  const headers = { 'content-type': 'application/json', ...options.headers };
  const response = await fetch(new URL(`../${path}`, location.href), { ...options, headers });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return await response.json();
}

async function takeToken() {
  const body = JSON.stringify({ username: name });
  return (await call('api/v1/dev/token', { method: 'POST', body })).token;
}

async function findChannel(token) {
  const headers = { authorization: `Bearer ${token}` };
  const { channels } = await call('api/v1/chat/channels?limit=1', { headers });
  if (channels.length > 0) return channels[0].id;
  const body = JSON.stringify({ name: 'lobby' });
  return (await call('api/v1/chat/channels', { method: 'POST', headers, body })).id;
}

chat.addEventListener('tokenneeded', async () => {
  chat.token = await takeToken();
});
const token = await takeToken();
chat.token = token;
chat.setAttribute('channel', query.get('channel') ?? (await findChannel(token)));
