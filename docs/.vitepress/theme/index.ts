import DefaultTheme from 'vitepress/theme'
import { rememberTabs } from './remember-tabs.ts'
import './style.css'

// oxlint-disable-next-line import/no-default-export -- VitePress asks for it
export default {
  extends: DefaultTheme,
  enhanceApp() {
    if (!import.meta.env.SSR) rememberTabs()
  },
}
