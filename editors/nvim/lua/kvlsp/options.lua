--- What a user can choose in Neovim itself; the daemon's own settings travel in `settings`.
--- Read from `vim.g.kvlsp` (a table, set before the plugin starts) and from `require('kvlsp').setup()`.
local M = {}

---@class kvlsp.Options
M.defaults = {
  --- Command line of the daemon.
  cmd = { 'kvlsp', 'serve' },
  --- Who draws ghost text: 'builtin' (vim.lsp.inline_completion, Neovim 0.12), 'own' (this plugin's module)
  --- or 'auto' (builtin where it exists).
  ghost = 'auto',
  --- Milliseconds without a key before 'own' asks. The builtin waits 200 ms, which nothing can change.
  debounce = 75,
  --- File types to attach to (nil: all normal buffers).
  filetypes = nil,
  --- The daemon's settings, camelCase, for instance { maxLines = 6, disabledLanguages = { 'markdown' } }.
  settings = {},
}

---@return kvlsp.Options
function M.get()
  return vim.tbl_deep_extend('force', M.defaults, vim.g.kvlsp or {}, M.chosen or {})
end

--- Which module draws: 'builtin' or 'own'.
---@return string
function M.backend()
  local wanted = M.get().ghost
  if wanted == 'own' or vim.lsp.inline_completion == nil then
    return 'own'
  end
  return 'builtin'
end

return M
