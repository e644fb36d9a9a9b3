--- kvlsp for Neovim: the functions that key maps, status lines and configurations call.
local M = {}

--- Chooses options and starts kvlsp. Where `vim.lsp.enable` exists, calling that instead is enough.
---@param chosen? table see lua/kvlsp/options.lua
function M.setup(chosen)
  require('kvlsp.options').chosen = chosen or {}
  if vim.lsp.enable then
    vim.lsp.config('kvlsp', require('kvlsp.client').config())
    vim.lsp.enable('kvlsp')
    return
  end
  local group = vim.api.nvim_create_augroup('kvlsp.start', { clear = true })
  vim.api.nvim_create_autocmd('FileType', {
    group = group,
    callback = function(event)
      require('kvlsp.client').start_for(event.buf)
    end,
  })
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) and vim.bo[bufnr].filetype ~= '' then
      require('kvlsp.client').start_for(bufnr)
    end
  end
end

--- Accepts the suggestion; false (and nothing happens) where none is shown, so that a key map can fall back.
---@return boolean
function M.accept()
  return require('kvlsp.completion').accept('all')
end

--- Accepts up to the end of the next word.
function M.accept_word()
  return require('kvlsp.completion').accept('word')
end

--- Accepts up to the end of the line.
function M.accept_line()
  return require('kvlsp.completion').accept('line')
end

--- Takes the suggestion away and tells the daemon not to offer it here again.
function M.dismiss()
  return require('kvlsp.completion').dismiss()
end

--- Shows the next (or with -1 the previous) of several suggestions.
---@param step? integer
function M.cycle(step)
  return require('kvlsp.completion').cycle(step or 1)
end

--- Asks now, for several suggestions.
function M.trigger()
  return require('kvlsp.completion').trigger()
end

--- Takes the next edit that is shown, wherever it is, and asks for the one after it; false where none is shown.
---@return boolean
function M.next_edit()
  return require('kvlsp.next').apply()
end

--- Only goes to the place of the next edit.
---@return boolean
function M.next_jump()
  return require('kvlsp.next').jump()
end

--- Turns the next edit down.
---@return boolean
function M.next_dismiss()
  return require('kvlsp.next').dismiss()
end

--- Asks for the next edit now.
function M.next_ask()
  require('kvlsp.next').ask(true)
end

--- A short text for 'statusline'.
function M.statusline()
  return require('kvlsp.status').statusline()
end

return M
