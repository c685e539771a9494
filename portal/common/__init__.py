"""Pages that belong to everybody: welcome, language, operator's texts, errors."""
