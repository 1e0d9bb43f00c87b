import { onContentUpdated } from 'vitepress'

const key = 'bcl-tabs'
const chosen = (): string[] => JSON.parse(localStorage.getItem(key) ?? '[]') as string[]

const inputs = (label: string): NodeListOf<HTMLInputElement> =>
  document.querySelectorAll(`.vp-code-group input[data-tab="${CSS.escape(label)}"]`)

/** Remembers the chosen tab. Every group with this tab shows the tab, on this page and on later pages. */
export function rememberTabs(): void {
  let choosing = false
  const choose = (label: string): void => {
    choosing = true
    for (const input of inputs(label)) if (!input.checked) input.click()
    choosing = false
  }
  window.addEventListener('click', ({ target }) => {
    const label = target instanceof HTMLInputElement ? target.dataset['tab'] : undefined
    if (label === undefined || choosing) return
    localStorage.setItem(key, JSON.stringify([...chosen().filter((other) => other !== label), label].slice(-4)))
    choose(label)
  })
  onContentUpdated(() => chosen().forEach(choose))
}
