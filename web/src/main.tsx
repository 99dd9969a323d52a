/** The page. */
import '@fontsource-variable/inter';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/chat.css';
import './styles/pages.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.js';
import { loadSettings } from './settings.js';
import { applyTheme } from './ui/theme.js';
import { Unreachable } from './unreachable.js';

const base = new URL('.', location.href).href;
const place = document.getElementById('root');
if (place === null) throw new Error('index.html has no #root');
const root = createRoot(place);

async function start(): Promise<void> {
  try {
    const settings = await loadSettings(base);
    root.render(
      <StrictMode>
        <App base={base} settings={settings} />
      </StrictMode>,
    );
  } catch {
    root.render(<Unreachable onRetry={() => void start()} />);
  }
}

applyTheme();
void start();
