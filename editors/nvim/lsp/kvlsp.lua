-- For `vim.lsp.enable('kvlsp')` (Neovim 0.11 and later). Override parts of it with `vim.lsp.config('kvlsp', {...})`.
return require('kvlsp.client').config()
